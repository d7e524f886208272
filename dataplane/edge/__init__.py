"""The edge: what the application itself can judge of a request, and both listeners' applications.

In reading order: `guard` (head -> refusal or none), `client` (the ASGI side of the `Client` port),
`front` (the public application), `admin` (health, OPA's status, metrics; never public). The admin API:
`admin_models` (bodies and answers), `admin_access` (roles), `admin_routes` (the table of operations),
`admin_openapi` (its document) and `admin_api` (the application).
"""
