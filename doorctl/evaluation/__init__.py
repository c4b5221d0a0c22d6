"""How often the door errs: labelled photos through the product's own eyes, and what follows from them."""
