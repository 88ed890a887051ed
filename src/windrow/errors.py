"""The one exception that speaks to the user."""


class UserError(Exception):
    """A mistake that the user can mend: one sentence that says what is wrong and what to do.

    The command line prints it as a single line and exits with code 2.
    """


class EndedBySignalError(Exception):
    """The work was asked to end by a signal and has saved all that is needed to go on.

    The command line prints it and exits with code 75 (EX_TEMPFAIL of sysexits.h), so that the workflow tries again.

    Attributes
    ----------
    again
        Whether it was warned of a time limit and has come further since it began, so that another such time helps.
    """

    exit_code = 75

    def __init__(self, message: str, *, again: bool = False) -> None:
        super().__init__(message)
        self.again = again
