"""``python -m doorctl`` and the ``doorctl`` command."""

from doorctl.cli import main

if __name__ == "__main__":
    main()
