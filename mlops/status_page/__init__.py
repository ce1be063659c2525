"""The page that the product shows of itself: plain HTML made here, whoever serves it."""
