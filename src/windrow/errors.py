"""The one exception that speaks to the user."""


class UserError(Exception):
    """A mistake that the user can mend: one sentence that says what is wrong and what to do.

    The command line prints it as a single line and exits with code 2.
    """
