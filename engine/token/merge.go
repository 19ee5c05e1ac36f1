package token

import (
	"math/bits"
	"slices"
)

// symbol is a stretch of a word that has become one piece, or not yet.
type symbol struct {
	start, end int32 // bytes of the word
	id         int32 // piece, or -1

	// Of the pair that it forms with the symbol to its right:
	prio   uint32 // lower merges first; none if there is no such piece
	merged int32  // the piece

	prev, next int32 // neighbours in a long word; -1 at its ends
}

// none is the priority of a pair that does not merge.
const none = 1<<32 - 1

// scratch is what encoding one text needs besides the result. It travels by value, out of each call what went in or
// grew: a pointer to it would drag the first array, which suffices for short words, from the stack to the heap.
type scratch struct {
	syms []symbol
	heap []uint64
}

// shortWord is the length up to which looking through all pairs after each merge beats a heap.
const shortWord = 48

// pairer knows which two neighbours merge, into what and how urgently. It gets their ids and the text of both.
type pairer interface {
	pair(left, right int32, joined []byte) (prio uint32, merged int32)
}

// mergeSymbols replaces the most urgent pair, the leftmost of equals, until no pair is left. The result is in syms.
// word is the text of the symbols, for a pairer that asks for it.
func mergeSymbols(p pairer, s scratch, word []byte) scratch {
	if len(s.syms) <= shortWord {
		s.syms = mergeShort(p, word, s.syms)
		return s
	}
	return mergeLong(p, s, word)
}

func mergeShort(p pairer, word []byte, syms []symbol) []symbol {
	for i := range syms {
		setPair(p, word, syms, i)
	}
	for {
		best := -1
		prio := uint32(none)
		for i := range syms {
			if syms[i].prio < prio {
				best, prio = i, syms[i].prio
			}
		}
		if best < 0 {
			return syms
		}
		syms[best].end, syms[best].id = syms[best+1].end, syms[best].merged
		syms = append(syms[:best+1], syms[best+2:]...)
		setPair(p, word, syms, best)
		if best > 0 {
			setPair(p, word, syms, best-1)
		}
	}
}

func setPair(p pairer, word []byte, syms []symbol, i int) {
	if i+1 == len(syms) {
		syms[i].prio = none
		return
	}
	left, right := &syms[i], &syms[i+1]
	left.prio, left.merged = p.pair(left.id, right.id, between(word, left.start, right.end))
}

// mergeLong does the same with a linked list and a heap, in time n log n. The heap holds priority and left symbol of
// every pair, in one number that sorts as wanted. An entry is stale when that symbol's pair has another priority by now.
func mergeLong(p pairer, s scratch, word []byte) scratch {
	syms := s.syms
	heap := slices.Grow(s.heap[:0], len(syms))
	for i := range syms {
		syms[i].prev, syms[i].next = int32(i)-1, int32(i)+1
	}
	syms[len(syms)-1].next = -1
	for i := range syms {
		if key, ok := relink(p, word, syms, int32(i)); ok {
			heap = append(heap, key)
		}
	}
	for i := len(heap)/2 - 1; i >= 0; i-- {
		siftDown(heap, i)
	}
	for len(heap) > 0 {
		key := heap[0]
		heap[0] = heap[len(heap)-1]
		heap = heap[:len(heap)-1]
		siftDown(heap, 0)
		at := int32(uint32(key))
		left := &syms[at]
		if left.prio != uint32(key>>32) {
			continue
		}
		right := &syms[left.next]
		left.end, left.id, left.next = right.end, left.merged, right.next
		right.prio = none // swallowed: its entries are stale
		if left.next >= 0 {
			syms[left.next].prev = at
		}
		for _, i := range [2]int32{left.prev, at} {
			if key, ok := relink(p, word, syms, i); ok {
				heap = append(heap, key)
				siftUp(heap)
			}
		}
	}
	kept := syms[:0]
	for i := int32(0); i >= 0; {
		next := syms[i].next
		kept = append(kept, syms[i])
		i = next
	}
	return scratch{syms: kept, heap: heap}
}

// relink computes the pair that symbol i forms now, and its key for the heap if it merges.
func relink(p pairer, word []byte, syms []symbol, i int32) (key uint64, ok bool) {
	if i < 0 {
		return 0, false
	}
	left := &syms[i]
	if left.next < 0 {
		left.prio = none
		return 0, false
	}
	right := &syms[left.next]
	left.prio, left.merged = p.pair(left.id, right.id, between(word, left.start, right.end))
	return uint64(left.prio)<<32 | uint64(uint32(i)), left.prio != none
}

// siftUp moves the last entry to its place.
func siftUp(h []uint64) {
	at := len(h) - 1
	key := h[at]
	for at > 0 {
		up := (at - 1) / 2
		if h[up] <= key {
			break
		}
		h[at] = h[up]
		at = up
	}
	h[at] = key
}

// siftDown moves the entry at index at to its place.
func siftDown(h []uint64, at int) {
	for {
		least := 2*at + 1
		if least >= len(h) {
			return
		}
		if r := least + 1; r < len(h) && h[r] < h[least] {
			least = r
		}
		if h[at] <= h[least] {
			return
		}
		h[at], h[least] = h[least], h[at]
		at = least
	}
}

// between is word[start:end]; byte-level BPE merges by id and keeps no word.
func between(word []byte, start, end int32) []byte {
	if word == nil {
		return nil
	}
	return word[start:end]
}

// pairTable maps a pair of ids to its merge, by open addressing. It answers several times for each byte of text,
// mostly with no; a general map takes twice as long.
type pairTable struct {
	slots []pairSlot
	shift uint
}

type pairSlot struct {
	left, right int32
	rank        uint32 // none: the slot is free
	merged      int32
}

func newPairTable(n int) pairTable {
	log := bits.Len(uint(n)*2 + 1)
	t := pairTable{slots: make([]pairSlot, 1<<log), shift: uint(64 - log)}
	for i := range t.slots {
		t.slots[i].rank = none
	}
	return t
}

// slot is where the pair is, or the free place where it belongs.
func (t *pairTable) slot(left, right int32) *pairSlot {
	mask := uint64(len(t.slots) - 1)
	at := (uint64(uint32(left))<<32 | uint64(uint32(right))) * 0x9E3779B97F4A7C15 >> t.shift
	for {
		s := &t.slots[at&mask]
		if s.rank == none || s.left == left && s.right == right {
			return s
		}
		at++
	}
}

// add notes a merge; of two for one pair, the first counts.
func (t *pairTable) add(left, right, merged int32, rank uint32) {
	if s := t.slot(left, right); s.rank == none {
		*s = pairSlot{left: left, right: right, rank: rank, merged: merged}
	}
}
