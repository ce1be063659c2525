"""Learning to rank from feedback: sessions in, a next version out, or a reason why there is none."""
