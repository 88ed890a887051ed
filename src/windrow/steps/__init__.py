"""One module per rule: `register(parser)` names the options, `run(args)` opens, calls the library, writes."""
