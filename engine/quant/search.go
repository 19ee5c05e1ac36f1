package quant

import "math"

// grid is the set of values that quants stand for before scaling: integers, ascending.
type grid struct {
	values    []float64
	low, high float64
	halves    []uint8 // by twice the distance from low, rounded down: the index of the nearest value
}

func newGrid(values []float64) grid {
	g := grid{values: values, low: values[0], high: values[len(values)-1]}
	// Half way between two integers lies a multiple of one half, so all numbers between two such multiples have the
	// same nearest value and a table by halves is exact.
	i := 0
	for h := range int(2*(g.high-g.low)) + 1 {
		for i+1 < len(values) && float64(h) >= values[i]+values[i+1]-2*g.low {
			i++
		}
		g.halves = append(g.halves, uint8(i))
	}
	return g
}

// nearest is the index of the value nearest to v, the higher of two.
func (g *grid) nearest(v float64) uint8 {
	return g.halves[int(2*(min(max(v, g.low), g.high)-g.low))]
}

// steps is the grid of the integers from low to high.
func steps(low, high int) grid {
	values := make([]float64, 0, high-low+1)
	for v := low; v <= high; v++ {
		values = append(values, float64(v))
	}
	return newGrid(values)
}

var (
	grid2  = steps(0, 3)
	grid3  = steps(-4, 3)
	grid4  = steps(0, 15)
	grid5  = steps(0, 31)
	grid6  = steps(-32, 31)
	gridNL = func() grid {
		values := make([]float64, 0, len(IQ4NLValues))
		for _, v := range IQ4NLValues {
			values = append(values, float64(v))
		}
		return newGrid(values)
	}()
)

// searchSteps is the number of candidates on either side of the obvious scale.
const searchSteps = 10

// fitScale is the factor by which the grid comes nearest to x in the sum of squares. It tries to map the extreme
// value to places around either end of the grid, and improves each candidate by least squares: for chosen grid
// values g the best factor is Σxg/Σg², and it explains (Σxg)²/Σg² of Σx².
func (g *grid) fitScale(x []float32) float64 {
	e := float64(extreme(x))
	if e == 0 {
		return 0
	}
	var best, most float64
	for _, end := range [2]float64{g.low, g.high} {
		gap := math.Abs(end) / float64(len(g.values)) * 2 // about the distance of neighbours
		for k := -searchSteps; k <= searchSteps; k++ {
			inverse := (end + gap*float64(k)/searchSteps) / e
			var xg, gg float64
			for _, v := range x {
				q := g.values[g.nearest(float64(v)*inverse)]
				xg += float64(v) * q
				gg += q * q
			}
			if gg > 0 && xg*xg/gg > most {
				best, most = xg/gg, xg*xg/gg
			}
		}
	}
	return best
}

// fitAffine is the scale and the offset, both at least 0, for which scale*g - offset comes nearest to x in the sum
// of squares. The grid is that of the integers from 0.
func (g *grid) fitAffine(x []float32) (scale, offset float64) {
	l, h := bounds(x)
	low, high := min(float64(l), 0), float64(h)
	if high <= low {
		return 0, -low
	}
	least := math.Inf(1)
	for k := -searchSteps; k <= searchSteps; k++ {
		inverse := (g.high + float64(k)/searchSteps) / (high - low)
		var sx, sxx, sg, sgg, sxg float64
		for _, v := range x {
			q := g.values[g.nearest((float64(v)-low)*inverse)]
			sx, sxx = sx+float64(v), sxx+float64(v)*float64(v)
			sg, sgg, sxg = sg+q, sgg+q*q, sxg+float64(v)*q
		}
		n := float64(len(x))
		s, o := low, 0.0
		if det := n*sgg - sg*sg; det > 0 {
			s, o = (n*sxg-sx*sg)/det, (sg*sxg-sx*sgg)/det
		}
		if o <= 0 && sgg > 0 {
			s, o = sxg/sgg, 0
		}
		if s <= 0 || o < 0 {
			continue
		}
		err := sxx + s*s*sgg + n*o*o - 2*s*sxg + 2*o*sx - 2*s*o*sg
		if err < least {
			scale, offset, least = s, o, err
		}
	}
	return scale, offset
}

// squaredError is the error of x if it is written as the nearest scale*g - offset.
func (g *grid) squaredError(x []float32, scale, offset float64) float64 {
	var sum, inverse float64
	if scale != 0 {
		inverse = 1 / scale
	}
	for _, v := range x {
		d := scale*g.values[g.nearest((float64(v)+offset)*inverse)] - offset - float64(v)
		sum += d * d
	}
	return sum
}

// index is squaredError's choice for one value.
func (g *grid) index(v float32, scale, offset float64) uint8 {
	if scale == 0 {
		return g.nearest(0)
	}
	return g.nearest((float64(v) + offset) / scale)
}

// roundScale picks the integer factor of the block scale d, near scale/d and within [low, high], with which the
// grid fits x best: rounding alone would ignore that quants are chosen anew for the rounded scale.
func (g *grid) roundScale(x []float32, scale, d float64, low, high int) int {
	if d == 0 {
		return 0
	}
	centre := min(max(int(math.Round(scale/d)), low), high)
	best, least := centre, math.Inf(1)
	for s := max(centre-1, low); s <= min(centre+1, high); s++ {
		if err := g.squaredError(x, d*float64(s), 0); err < least {
			best, least = s, err
		}
	}
	return best
}

// roundAffine is roundScale for a scale and an offset, each from 0 to high.
func (g *grid) roundAffine(x []float32, scale, offset, d, dmin float64, high int) (s, o int) {
	if d != 0 {
		s = min(int(math.Round(scale/d)), high)
	}
	if dmin != 0 {
		o = min(int(math.Round(offset/dmin)), high)
	}
	least := math.Inf(1)
	centreS, centreO := s, o
	for i := max(centreS-1, 0); i <= min(centreS+1, high); i++ {
		for j := max(centreO-1, 0); j <= min(centreO+1, high); j++ {
			if err := g.squaredError(x, d*float64(i), dmin*float64(j)); err < least {
				s, o, least = i, j, err
			}
		}
	}
	return s, o
}
