// Maps to leaf through: numbers are unpacked when a case is first shown, then coloured on a canvas.
const NONE = 4095; // the step that stands for no value

async function unpack(panel, text, columns) {
  const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate-raw"));
  const planes = new Uint8Array(await new Response(stream).arrayBuffer());
  const count = planes.length / 2;
  const values = new Float32Array(count);
  for (let place = 0, step = 0; place < count; place += 1) {
    if (place % columns === 0) step = 0;
    step = (step + planes[place] + 256 * planes[count + place]) & 0xffff;
    values[place] = step === NONE ? NaN : panel.offset + step * panel.step;
  }
  return values;
}

class FieldViewer {
  constructor(figure) {
    this.figure = figure;
    this.content = contentOf(figure);
    this.maps = [...figure.querySelectorAll(".map")];
    this.canvases = this.maps.map((map) => map.querySelector("canvas"));
    this.slider = figure.querySelector("input[type='range']");
    this.chooser = figure.querySelector("select");
    this.playing = 0;
    this.unpacked = new Map();
    const { panels } = this.content;
    this.colours = panels.map((panel) => Uint8Array.from(panel.colours.match(/../g), (pair) => parseInt(pair, 16)));
    this.slider.addEventListener("input", () => this.show());
    this.chooser?.addEventListener("change", () => this.show());
    figure.querySelector("[data-step='-1']").addEventListener("click", () => this.move(-1));
    figure.querySelector("[data-step='1']").addEventListener("click", () => this.move(1));
    figure.querySelector("[data-play]").addEventListener("click", () => this.play());
    this.canvases.forEach((canvas) => canvas.addEventListener("pointermove", (event) => this.tell(canvas, event)));
    this.show();
  }

  get case() { return Number(this.chooser?.value ?? 0); }

  get frame() { return Number(this.slider.value); }

  move(by) {
    const count = Number(this.slider.max) + 1;
    this.slider.value = (this.frame + by + count) % count;
    return this.show();
  }

  play() {
    const button = this.figure.querySelector("[data-play]");
    clearInterval(this.playing);
    this.playing = this.playing ? 0 : setInterval(() => this.move(1), 700);
    button.textContent = this.playing ? "Pause" : "Play";
    button.setAttribute("aria-pressed", String(Boolean(this.playing)));
  }

  // The fields of each panel at the frame that is chosen; one without cases is the second minus the first.
  async fields() {
    const { rows, columns, panels } = this.content;
    const size = rows * columns;
    const found = await Promise.all(panels.map(async (panel, place) => {
      if (!panel.cases) return null;
      const key = `${place} ${this.case}`;
      if (!this.unpacked.has(key)) this.unpacked.set(key, unpack(panel, panel.cases[this.case], columns));
      return (await this.unpacked.get(key)).subarray(size * this.frame, size * (this.frame + 1));
    }));
    return found.map((field) => field ?? found[1].map((value, place) => value - found[0][place]));
  }

  async show() {
    const [chosen, frame] = [this.case, this.frame];
    const fields = await this.fields();
    if (chosen !== this.case || frame !== this.frame) return;
    const said = this.content.frames[chosen][frame];
    this.figure.querySelector("[data-frame]").textContent = said;
    this.slider.setAttribute("aria-valuetext", said);
    this.now = fields;
    fields.forEach((field, place) => this.paint(place, field));
    this.figure.dataset.shown = `${chosen} ${frame}`;
  }

  paint(place, field) {
    const { low, high } = this.content.panels[place];
    const context = this.canvases[place].getContext("2d");
    const image = context.createImageData(this.content.columns, this.content.rows);
    const colours = this.colours[place];
    const last = colours.length / 3 - 1;
    field.forEach((value, point) => {
      const colour = 3 * Math.round(last * Math.min(Math.max((value - low) / (high - low || 1), 0), 1));
      for (let channel = 0; channel < 3; channel += 1) {
        image.data[4 * point + channel] = Number.isNaN(value) ? 136 : colours[colour + channel];
      }
      image.data[4 * point + 3] = 255;
    });
    context.putImageData(image, 0, 0);
  }

  place(point) {
    const { latitude, longitude, rows, columns } = this.content;
    const [row, column] = [Math.floor(point / columns), point % columns];
    return [latitude.length === rows * columns ? latitude[point] : latitude[row],
      longitude.length === rows * columns ? longitude[point] : longitude[column]];
  }

  tell(canvas, event) {
    const { rows, columns, panels } = this.content;
    const box = canvas.getBoundingClientRect();
    const column = Math.min(Math.floor((columns * (event.clientX - box.left)) / box.width), columns - 1);
    const row = Math.min(Math.floor((rows * (event.clientY - box.top)) / box.height), rows - 1);
    const point = Math.max(row, 0) * columns + Math.max(column, 0);
    const values = panels.map((panel, place) => `${panel.title} ${this.now[place][point].toPrecision(4)} ${panel.units}`.trim());
    const [latitude, longitude] = this.place(point);
    const east = ((longitude + 540) % 360) - 180;
    const where = `${Math.abs(latitude)}° ${latitude < 0 ? "S" : "N"} ${Math.abs(east)}° ${east < 0 ? "W" : "E"}`;
    this.figure.querySelector("[data-point]").textContent = `${where}: ${values.join(", ")}`;
  }

  get name() { return `${this.figure.id}-${this.case}-${this.frame}`; }

  saveNumbers() {
    const head = ["latitude", "longitude", ...this.content.panels.map(({ title, units }) => `${title} (${units || 1})`)];
    const rows = Array.from(this.now[0], (_, point) =>
      [...this.place(point), ...this.now.map((field) => (Number.isNaN(field[point]) ? "" : Number(field[point].toPrecision(6))))]);
    saveTable(`${this.name}.csv`, head, rows);
  }

  saveDrawing() {
    const [wide, bar, gap] = [480, 70, 24];
    const ratio = Number(this.figure.dataset.aspect);
    const high = Math.round(wide / ratio);
    const sheet = document.createElement("canvas");
    [sheet.width, sheet.height] = [this.maps.length * (wide + gap) + gap, high + 2 * bar + gap];
    const context = sheet.getContext("2d");
    Object.assign(context, { fillStyle: "#fff", imageSmoothingEnabled: false });
    context.fillRect(0, 0, sheet.width, sheet.height);
    Object.assign(context, { fillStyle: "#1b2026", font: "16px sans-serif" });
    const chosen = this.chooser ? `${this.chooser.selectedOptions[0].textContent.trim()}. ` : "";
    context.fillText(chosen + this.content.frames[this.case][this.frame], gap, 26);
    const coast = new Path2D(document.getElementById("coast").getAttribute("d"));
    this.content.panels.forEach((panel, place) => {
      const left = gap + place * (wide + gap);
      context.fillText(panel.title, left, bar - 10);
      context.drawImage(this.canvases[place], left, bar, wide, high);
      context.save();
      context.beginPath();
      context.rect(left, bar, wide, high);
      context.clip();
      context.translate(left, bar);
      context.scale(wide / 1000, wide / 1000);
      context.lineWidth = 2;
      context.stroke(coast);
      context.restore();
      const colours = this.colours[place];
      for (let step = 0; step < wide; step += 1) {
        const colour = 3 * Math.floor((step * colours.length) / 3 / wide);
        context.fillStyle = `rgb(${colours.slice(colour, colour + 3).join(" ")})`;
        context.fillRect(left + step, bar + high + 12, 1, 14);
      }
      context.fillStyle = "#1b2026";
      context.fillText(panel.low.toPrecision(3), left, bar + high + 46);
      const end = `${panel.high.toPrecision(3)} ${panel.units}`;
      context.fillText(end, left + wide - context.measureText(end).width, bar + high + 46);
    });
    sheet.toBlob((content) => save(`${this.name}.png`, content), "image/png");
  }
}

const viewers = new Map([...document.querySelectorAll("figure.viewer")].map((figure) => [figure, new FieldViewer(figure)]));

document.addEventListener("click", ({ target }) => {
  const viewer = viewers.get(target.closest("figure"));
  if (viewer && target.dataset.save === "csv") viewer.saveNumbers();
  if (viewer && target.dataset.save === "png") viewer.saveDrawing();
});
