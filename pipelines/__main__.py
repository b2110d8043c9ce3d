"""`python -m pipelines STAGE`: what dvc.yaml calls."""

import sys

if __name__ == "__main__":
    # Inside the guard, so that worker processes, which import this file too, do not load torch.
    from pipelines.stage import main

    main(sys.argv[1:])
