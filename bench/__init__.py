"""How fast is the hub? Repeatable measurements; every figure is a ratio to a reference of the same run."""
