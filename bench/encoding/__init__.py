"""How fast texts become embeddings, beside peers: see bench/embeddings."""
