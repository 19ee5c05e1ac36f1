package arch

import (
	"math"
	"testing"
)

// TestRoute follows class Gate of DeepSeek-V3's inference/model.py on vectors worked by hand.
// No fixture has expert groups.
func TestRoute(t *testing.T) {
	gates := []float64{0.9, 0.2, 0.6, 0.6, 0.7, 0.4, 0.1, 0.95}
	f := func(name string, m MoE, bias []float32, experts []int32, weights []float64) {
		t.Helper()
		m.Experts, m.Used = len(gates), len(experts)
		var s expertScratch
		s.reserve(&Config{Dim: 32, MoE: &m}, 1, 32)
		for i, g := range gates {
			if m.Sigmoid {
				s.weights[i] = float32(math.Log(g / (1 - g)))
			} else {
				s.weights[i] = float32(math.Log(g)) // softmax divides by the sum, 4.45
			}
		}
		m.route(&s, 0, bias)
		for rank := range experts {
			got := s.slots[rank]
			if got.expert != experts[rank] || math.Abs(float64(got.weight)-weights[rank]) > 1e-5 {
				t.Errorf("%s: rank %d is expert %d with %.5f, want %d with %.5f", name, rank, got.expert, got.weight, experts[rank], weights[rank])
			}
		}
	}
	v3 := MoE{Groups: 4, GroupsUsed: 2, Sigmoid: true, Normalise: true, Scale: 2.5}
	// Groups of two count by the sum of both: 1.1, 1.2, 1.1 and 1.05+0.3. The last and the
	// second stay; the weights are the gates without bias, over their sum 2.15.
	f("V3", v3, []float32{0, 0, 0, 0, 0, 0, 0, 0.3}, []int32{7, 2, 3}, []float64{2.5 * 0.95 / 2.15, 2.5 * 0.6 / 2.15, 2.5 * 0.6 / 2.15})
	// All choices negative: experts of rejected groups must not win as if they were zero.
	f("negative choices", v3, []float32{-3, -3, -3, -3, -3, -3, -3, -2}, []int32{7, 2, 3}, []float64{2.5 * 0.95 / 2.15, 2.5 * 0.6 / 2.15, 2.5 * 0.6 / 2.15})
	// V2: softmax, groups by their largest, no normalisation.
	f("V2", MoE{Groups: 4, GroupsUsed: 2, Scale: 16}, nil, []int32{7, 0, 1}, []float64{16 * 0.95 / 4.45, 16 * 0.9 / 4.45, 16 * 0.2 / 4.45})
	f("V2-Lite", MoE{Groups: 1, GroupsUsed: 1, Scale: 1}, nil, []int32{7, 0, 4, 2}, []float64{0.95 / 4.45, 0.9 / 4.45, 0.7 / 4.45, 0.6 / 4.45})
	// Equal values go to the lower index.
	gates = []float64{0.5, 0.5, 0.5, 0.5}
	f("ties", MoE{Groups: 1, GroupsUsed: 1, Sigmoid: true, Scale: 1}, nil, []int32{0, 1}, []float64{0.5, 0.5})
	f("tied groups", MoE{Groups: 2, GroupsUsed: 1, Sigmoid: true, Scale: 1}, nil, []int32{0, 1}, []float64{0.5, 0.5})
}
