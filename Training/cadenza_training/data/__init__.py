"""From folders of recordings and scores to prepared sets, which training reads."""
