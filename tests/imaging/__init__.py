"""Images made here: a partition table of our own writing, so that the product's reading is tried against another."""
