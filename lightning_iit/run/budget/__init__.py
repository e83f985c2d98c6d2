"""What a training spends on Φ: which layers are analysed in which epoch, and which of these Φ are judged."""
