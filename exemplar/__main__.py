"""Run the command line: `python -m exemplar`."""

from exemplar.cli import main

if __name__ == "__main__":
    main()
