"""What is asked of a disk: files that several processes read and write (``files``), and whose a run's folder is (``owner``).

``payload`` is the form of records in TensorBoard's event files; ``pictures`` names the files of a record's pictures, and
``open_records`` has the records whose analysis is open.
"""
