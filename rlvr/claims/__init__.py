"""Claims: rules stated beforehand, the runs that test them, and the pages that report them."""
