SELECT record FROM {prefix}archives ORDER BY number
