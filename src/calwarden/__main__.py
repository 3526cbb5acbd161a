"""``python -m calwarden`` is the command ``calwarden``."""

import sys

from calwarden.cli import main

if __name__ == "__main__":
    sys.exit(main())
