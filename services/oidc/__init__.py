"""A client of OpenID Connect: discovery, keys, ID and access tokens, and the flow of an authorization code with PKCE.

Knows nothing of our HTTP interface, of accounts or of SQL. It is the only place that knows PyJWT.
"""
