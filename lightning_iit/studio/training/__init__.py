"""What the studio's trainings are made of: networks, tasks, and what a task asks of a network (its shape).

``networks`` has the networks; ``tasks`` has tasks whose data are drawn, ``stored_tasks`` those whose data lie somewhere;
``progress`` writes what a training logs.
"""
