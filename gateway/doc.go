// Package gateway answers the OpenAI API with whatever the network has on offer, and bills it.
//
// A Gateway is where a request lives: it authenticates the key, renders the chat template and
// counts the prompt with the model's own tokenizer, lets market/route pick an offer, sets the
// worst case aside by a hold, streams from the node, counts what it delivers, and settles with
// a receipt that carries the node's signed claim and its own signature. It runs no model; of
// the engine it uses the tokenizer, the template and the file format.
//
// What it knows of the network is in a View, which others feed: market events, heartbeats.
// What it may change goes through an Exchange. Both are arguments, so a gateway cannot tell
// whether the centre is in its process. On the way of a request there is no other I/O than the
// call to the node, the hold, and the settlement.
//
// How a request may end, and who pays:
//
//	finished                                    input (cached share at its price) and output
//	client cancelled, left or ran out of time   prefill done, and tokens received before that
//	failed before the first content             nothing; tried elsewhere under the same hold
//	failed later                                prefill, and tokens delivered
//	refused                                     nothing
//
// A stream's content has begun when its first text was sent; an answer in one piece begins
// when it is complete, so until then it can be tried elsewhere. A stream that fails ends with
// an error event in the client's shape, without an end mark, and a broken body: a client never
// takes a part for the whole. A node whose stream ends without an end event and a valid claim
// has failed, however cleanly the connection was closed.
//
// Every queue, cache and map has a bound, which Config or a constant names. Prompts and
// answers are never logged.
package gateway
