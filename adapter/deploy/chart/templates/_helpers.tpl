{{- define "setpoint-adapter.name" -}}
{{- .Values.nameOverride | default .Chart.Name | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{- /* The release's name, with the chart's unless it has that already. */ -}}
{{- define "setpoint-adapter.fullname" -}}
{{- $name := .Values.nameOverride | default .Chart.Name -}}
{{- $full := contains $name .Release.Name | ternary .Release.Name (printf "%s-%s" .Release.Name $name) -}}
{{- .Values.fullnameOverride | default $full | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{- define "setpoint-adapter.namespace" -}}
{{- .Values.namespaceOverride | default .Release.Namespace -}}
{{- end -}}

{{- define "setpoint-adapter.serviceAccount" -}}
{{- .Values.serviceAccount.name | default (.Values.serviceAccount.create | ternary (include "setpoint-adapter.fullname" .) "default") -}}
{{- end -}}

{{- /* As in the chart prometheus-adapter: a Deployment's selector can't be changed. */ -}}
{{- define "setpoint-adapter.selector" -}}
app.kubernetes.io/name: {{ include "setpoint-adapter.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "setpoint-adapter.podLabels" -}}
{{ include "setpoint-adapter.selector" . }}
app.kubernetes.io/component: metrics
app.kubernetes.io/part-of: {{ include "setpoint-adapter.name" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
{{- with .Values.customLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "setpoint-adapter.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{ include "setpoint-adapter.podLabels" . }}
{{- end -}}

{{- /* The rest of `metadata`: labels, and annotations where there are any. A list: the context, and annotations of this object alone. */ -}}
{{- define "setpoint-adapter.metadata" -}}
{{- $context := first . -}}
{{- $own := index . 1 | default dict -}}
labels:
  {{- include "setpoint-adapter.labels" $context | nindent 2 }}
{{- with merge (dict) $own ($context.Values.customAnnotations | default dict) }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{- /* The subject of what the adapter may do. */ -}}
{{- define "setpoint-adapter.subjects" -}}
subjects:
  - kind: ServiceAccount
    name: {{ include "setpoint-adapter.serviceAccount" . }}
    namespace: {{ include "setpoint-adapter.namespace" . }}
{{- end -}}

{{- /* The subject of who may read metrics. */ -}}
{{- define "setpoint-adapter.autoscaler" -}}
subjects:
  - kind: ServiceAccount
    name: horizontal-pod-autoscaler
    namespace: kube-system
{{- end -}}

{{- /* Whether the serving pair is in a Secret. */ -}}
{{- define "setpoint-adapter.hasPair" -}}
{{- if or .Values.tls.enable .Values.tls.certs .Values.certManager.enabled }}true{{ end -}}
{{- end -}}

{{- define "setpoint-adapter.servesCustom" -}}
{{- if or .Values.rules.default .Values.rules.custom }}true{{ end -}}
{{- end -}}

{{- /* The adapter's configuration. */ -}}
{{- define "setpoint-adapter.config" -}}
{{- $rules := list -}}
{{- if .Values.rules.default -}}
{{- $rules = .Files.Get "files/default-rules.yaml" | fromYamlArray -}}
{{- end -}}
{{- with .Values.rules.custom }}{{ $rules = concat $rules . }}{{ end -}}
{{- $config := dict -}}
{{- with $rules }}{{ $_ := set $config "rules" . }}{{ end -}}
{{- with .Values.rules.external }}{{ $_ := set $config "externalRules" . }}{{ end -}}
{{- with .Values.rules.resource }}{{ $_ := set $config "resourceRules" . }}{{ end -}}
{{- toYaml $config -}}
{{- end -}}

{{- define "setpoint-adapter.prometheusUrl" -}}
{{- tpl .Values.prometheus.url . }}{{ with .Values.prometheus.port }}:{{ . }}{{ end }}{{ .Values.prometheus.path -}}
{{- end -}}
