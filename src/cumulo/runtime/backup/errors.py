"""What keeps a backup from being made or restored, each with the mend."""


class CannotBackUp(Exception):
    """No archive was made; the text says why and what to do."""


class BadArchive(Exception):
    """A file is no archive that can be restored: foreign, damaged, hostile or newer. Nothing was changed."""


class CannotRestore(Exception):
    """The archive is whole and cannot go here; the text says why and what to do. Nothing was changed."""
