// Package clients drives a running gateway with the official OpenAI clients, unmodified: the
// Go SDK from clients_test.go, the npm package from client.mjs. It is a module of its own, so
// that neither is a dependency of Weir.
//
// WEIR_TEST_URL names the gateway (http://127.0.0.1:8080), WEIR_TEST_KEY a key with some
// money, WEIR_TEST_MODEL the model to ask (default: the first on the list). Without the first
// two everything is skipped.
package clients
