"""What can be wrong with data; every message names the file or folder and says what to do."""


class DataError(ValueError):
    """Data that can't be used: damaged, of the wrong shape, or asked for in a way that makes no sense."""


class DataNotFoundError(DataError):
    """A data set that is not where it was looked for."""


class DownloadError(DataError):
    """A download that failed; nothing of it was kept."""
