"""The arrays that data sets are handed around as."""

import numpy as np
from numpy.typing import NDArray

CropsU8 = NDArray[np.uint8]  # (n, 112, 112, 3), RGB
Labels = NDArray[np.int64]  # (n,), class of each crop, -1 for a crop that is not to be trained on
Rows = NDArray[np.int64]  # (k,), which crops of a data set
Weights = NDArray[np.float64]  # (n,), how often each crop is drawn, relative to the others
