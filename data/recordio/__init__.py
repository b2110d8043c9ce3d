"""MXNet RecordIO: `train.rec` and `train.idx` read by memory map and written, without mxnet."""
