"""What is recognised in texts, and how sure.

In reading order: `hit` is a place where a pattern matched; `engine` finds all hits of all patterns in one
pass; `view` is a text as an evasion would have it read; `recognizer` is what each kind of finding is
recognised by, one file each; `advisor` is what judges whole texts beside them, where policy asks for it.
"""
