"""What is asked of a disk: files that several processes read and write (``files``), and whose a run's folder is (``owner``)."""
