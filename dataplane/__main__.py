"""`regogate`, and `python -m dataplane`: Ctrl-C ends it as quietly while it is still importing as later."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line. See `dataplane.cli`."""
    try:
        # Here: the import takes longer than most commands' work.
        from dataplane.cli import main as run

        run()
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
