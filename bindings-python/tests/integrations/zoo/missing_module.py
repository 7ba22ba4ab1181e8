WHERE = "nowhere"
import nowhere_to_be_found
