// Package token turns text into the token ids of a model, and ids back into text.
//
// A Tokenizer is built from a vocabulary as GGUF metadata describes it (Vocab, or FromKV over an open file). Three
// kinds are known by their "tokenizer.ggml.model": byte-level BPE ("gpt2"), SentencePiece BPE ("llama") and WordPiece
// ("bert"). What a model or a pre-tokenizer is called decides how text is cut, so an unknown name is refused with the
// list of the known ones: a guess would be wrong in silence.
//
// The ids are those of the model's own tokenizer wherever that is known, Unicode normalisation included; a file's
// token types are obeyed. Plain text never becomes a control token: only Options.Special lets the text of one count.
//
// A Tokenizer does not change after New and may be used by many goroutines at once. It holds the strings of the Vocab
// it was given. A Decoder belongs to one stream of ids. Encoding is linear in the text but for the logarithm of the
// longest unbroken run, and allocates nothing beyond the result for ordinary words.
//
// Sources: Sennrich et al. 2016 (BPE), Radford et al. 2019 (byte-level BPE), Kudo and Richardson 2018 (SentencePiece),
// Devlin et al. 2019 (WordPiece), Unicode Standard Annex 15 (normalisation), the GGUF specification (key names).
package token
