"""Behind the section on flow: maximum flow, and how far a layer reaches."""
