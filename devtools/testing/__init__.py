"""`./dev test`: runs the parts of the tests and sums up what came of them."""
