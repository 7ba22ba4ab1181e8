WHERE = "nowhere"
import nowhere_to_be_found  # noqa: E402, F401
