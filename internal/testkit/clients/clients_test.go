package clients

import (
	"context"
	"errors"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"
)

// connect returns a client of the gateway under test and the model to ask.
func connect(t *testing.T) (openai.Client, string) {
	t.Helper()
	url, key := os.Getenv("WEIR_TEST_URL"), os.Getenv("WEIR_TEST_KEY")
	if url == "" || key == "" {
		t.Skip("set WEIR_TEST_URL and WEIR_TEST_KEY to a running gateway")
	}
	client := openai.NewClient(option.WithBaseURL(strings.TrimSuffix(url, "/")+"/v1/"), option.WithAPIKey(key))
	if model := os.Getenv("WEIR_TEST_MODEL"); model != "" {
		return client, model
	}
	page, err := client.Models.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(page.Data) == 0 {
		t.Fatal("the gateway has no model")
	}
	return client, page.Data[0].ID
}

func ask(model string) openai.ChatCompletionNewParams {
	return openai.ChatCompletionNewParams{
		Model: model, MaxCompletionTokens: openai.Int(100), Seed: openai.Int(1), Temperature: openai.Float(0),
		Messages: []openai.ChatCompletionMessageParamUnion{
			openai.UserMessage("a 20 Mbit/s line for camera three, at most 30 ms, tomorrow from 8 to 18"),
		},
	}
}

func TestModels(t *testing.T) {
	client, model := connect(t)
	m, err := client.Models.Get(t.Context(), model)
	if err != nil || m.ID != model || m.Created == 0 || m.OwnedBy == "" {
		t.Errorf("model %+v, %v", m, err)
	}
}

func TestChat(t *testing.T) {
	client, model := connect(t)
	c, err := client.Chat.Completions.New(t.Context(), ask(model))
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Choices) != 1 || c.Choices[0].Message.Content == "" || c.Choices[0].Message.Role != "assistant" || c.Choices[0].FinishReason == "" {
		t.Errorf("answer %s", c.RawJSON())
	}
	if c.Usage.PromptTokens == 0 || c.Usage.TotalTokens != c.Usage.PromptTokens+c.Usage.CompletionTokens {
		t.Errorf("usage %+v", c.Usage)
	}
}

// A stream says the same as an answer in one piece, and ends with its usage.
func TestStream(t *testing.T) {
	client, model := connect(t)
	whole, err := client.Chat.Completions.New(t.Context(), ask(model))
	if err != nil {
		t.Fatal(err)
	}
	params := ask(model)
	params.StreamOptions.IncludeUsage = openai.Bool(true)
	stream := client.Chat.Completions.NewStreaming(t.Context(), params)
	defer stream.Close()
	var sum openai.ChatCompletionAccumulator
	for stream.Next() {
		if !sum.AddChunk(stream.Current()) {
			t.Errorf("chunk does not fit: %s", stream.Current().RawJSON())
		}
	}
	if err := stream.Err(); err != nil {
		t.Fatal(err)
	}
	if got, want := sum.Choices[0].Message.Content, whole.Choices[0].Message.Content; got != want {
		t.Errorf("streamed %q, whole %q", got, want)
	}
	if sum.Usage.CompletionTokens != whole.Usage.CompletionTokens || sum.Choices[0].FinishReason != whole.Choices[0].FinishReason {
		t.Errorf("streamed usage %+v and finish %s, whole %+v and %s", sum.Usage, sum.Choices[0].FinishReason, whole.Usage, whole.Choices[0].FinishReason)
	}
}

func TestCompletion(t *testing.T) {
	client, model := connect(t)
	c, err := client.Completions.New(t.Context(), openai.CompletionNewParams{
		Model: openai.CompletionNewParamsModel(model), MaxTokens: openai.Int(20),
		Prompt: openai.CompletionNewParamsPromptUnion{OfString: openai.String("a line of 20 Mbit/s")},
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Choices) != 1 || c.Usage.PromptTokens == 0 {
		t.Errorf("answer %s", c.RawJSON())
	}
}

func TestErrors(t *testing.T) {
	client, model := connect(t)
	// f expects the SDK to understand an error.
	f := func(err error, status int, code string) {
		t.Helper()
		var e *openai.Error
		if !errors.As(err, &e) || e.StatusCode != status || e.Code != code || e.Message == "" || e.Type == "" {
			t.Errorf("error %v, want %d %s", err, status, code)
		}
	}
	_, err := client.Chat.Completions.New(t.Context(), ask("no such model"))
	f(err, http.StatusNotFound, "model_not_found")
	params := ask(model)
	params.N = openai.Int(2)
	_, err = client.Chat.Completions.New(t.Context(), params)
	f(err, http.StatusBadRequest, "unsupported_value")
	_, err = client.Chat.Completions.New(t.Context(), ask(model), option.WithAPIKey("weir_nobody"))
	f(err, http.StatusUnauthorized, "invalid_api_key")
	stream := client.Chat.Completions.NewStreaming(t.Context(), ask("no such model"))
	stream.Next()
	f(stream.Err(), http.StatusNotFound, "model_not_found")
}

// A client that leaves gets its error at once, and the gateway goes on serving.
func TestCancel(t *testing.T) {
	client, model := connect(t)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	stream := client.Chat.Completions.NewStreaming(ctx, ask(model))
	stream.Next()
	cancel()
	for stream.Next() {
		continue
	}
	stream.Close()
	if _, err := client.Models.Get(t.Context(), model); err != nil {
		t.Error(err)
	}
}
