"""Places outside of this process where tasks can be computed: executors, Dask, SLURM, Ray and submitit, behind one interface.

``executor`` is that interface. Each kind of place has an implementation: ``plain`` (any ``concurrent.futures.Executor``),
``dask_client``, ``ray_tasks`` and ``submitit_jobs``. ``opening`` makes one of what a user gave, an object or a name;
``cluster_process`` starts a cluster by a name, in a process of its own whose code is ``_cluster``. ``fitness`` says, before
training, whether the workers serve.

Nothing here knows what a task is: functions and arguments go out, values come back.
"""
