package template

// builtinText prints a content, which may be text, a list of parts or none.
const builtinText = `
{%- macro text(content) -%}
    {%- if content is string -%}
        {{- content -}}
    {%- else -%}
        {%- for part in content or [] if part.text is string -%}{{- part.text -}}{%- endfor -%}
    {%- endif -%}
{%- endmacro -%}
`

// builtinSources are our own templates for the common formats of models whose file carries none.
var builtinSources = map[string]string{
	// Turns between <|im_start|> and <|im_end|>: Qwen and many others.
	"chatml": builtinText + `
{%- for message in messages -%}
    {{- '<|im_start|>' + message.role + '\n' + text(message.content) + '<|im_end|>\n' -}}
{%- endfor -%}
{%- if add_generation_prompt -%}{{- '<|im_start|>assistant\n' -}}{%- endif -%}
`,
	// [INST] … [/INST]; the system message goes inside the first instruction.
	"llama2": builtinText + `
{%- set ns = namespace(system='') -%}
{%- for message in messages -%}
    {%- if message.role == 'system' -%}
        {%- set ns.system = '<<SYS>>\n' + text(message.content) + '\n<</SYS>>\n\n' -%}
    {%- elif message.role == 'assistant' -%}
        {{- ' ' + text(message.content).strip() + ' ' + eos_token | default('') -}}
    {%- else -%}
        {{- bos_token | default('') + '[INST] ' + ns.system + text(message.content).strip() + ' [/INST]' -}}
        {%- set ns.system = '' -%}
    {%- endif -%}
{%- endfor -%}
`,
	// The markers of DeepSeek V3 and R1: system text first, then turns.
	"deepseek": builtinText + `
{{- bos_token | default('') -}}
{%- for message in messages if message.role == 'system' -%}
    {{- '\n\n' if not loop.first -}}{{- text(message.content) -}}
{%- endfor -%}
{%- for message in messages -%}
    {%- if message.role == 'assistant' -%}
        {{- '<｜Assistant｜>' + text(message.content).split('</think>')[-1] + eos_token | default('') -}}
    {%- elif message.role != 'system' -%}
        {{- '<｜User｜>' + text(message.content) -}}
    {%- endif -%}
{%- endfor -%}
{%- if add_generation_prompt -%}{{- '<｜Assistant｜>' -}}{%- endif -%}
`,
	// DeepSeek V2: plain words.
	"deepseek2": builtinText + `
{{- bos_token | default('') -}}
{%- for message in messages -%}
    {%- if message.role == 'assistant' -%}
        {{- 'Assistant: ' + text(message.content) + eos_token | default('') -}}
    {%- elif message.role == 'system' -%}
        {{- text(message.content) + '\n\n' -}}
    {%- else -%}
        {{- 'User: ' + text(message.content) + '\n\n' -}}
    {%- endif -%}
{%- endfor -%}
{%- if add_generation_prompt -%}{{- 'Assistant:' -}}{%- endif -%}
`,
}

// Builtin returns the source of our own template for a format, to use where a model's file has none: chatml, llama2,
// deepseek (V3 and R1) or deepseek2 (V2). They know no tools.
func Builtin(name string) (src string, ok bool) {
	src, ok = builtinSources[name]
	return src, ok
}
