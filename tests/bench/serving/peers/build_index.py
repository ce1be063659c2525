"""`python build_index.py FOLDER`: faiss' index of the vectors in FOLDER, with as many threads as there are cores."""

import sys
from pathlib import Path

import faiss
import numpy as np

folder = Path(sys.argv[1])
vectors = np.load(folder / "vectors.npy")
index = faiss.index_factory(vectors.shape[1], "HNSW32_SQ8", faiss.METRIC_INNER_PRODUCT)
index.train(vectors[:: max(1, len(vectors) // 50_000)])
index.add(vectors)
faiss.write_index(index, str(folder / "index.faiss"))
