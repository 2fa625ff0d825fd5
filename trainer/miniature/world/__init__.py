"""The drawn world: objects, materials, light and anomalies with exact truth, all of it from seeds.

Only additions, multiplications, divisions, square roots and comparisons of float32 touch pixels, which IEEE 754
fixes to the last bit, and random numbers come from PCG64's raw stream: so a seed gives the same bytes under every
version of Python and NumPy. Sines, means and library drawing are avoided for that reason.
"""
