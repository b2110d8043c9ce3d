"""The alignment kernel: landmarks and uint8 frames in, network input out, in one CUDA launch.

`device/` holds the CUDA C++, `constants` writes the face contract into it, `source` joins the two,
`compile` turns them into machine code without a GPU, `budget` judges registers and spills,
`reference` is the same arithmetic in numpy, and `launch` runs the kernel through cuda-core.

State: *designed, not run*. The device code compiles for every architecture of `ARCHITECTURES`, and
the same code, compiled for the CPU, equals `reference` bit for bit; no GPU has run it yet.
"""
