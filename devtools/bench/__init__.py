"""`./dev bench`: each row is measured by a module of its own."""
