"""What the work needs of machines, before and after it is done."""
