{{- /* What a pod has besides containers and volumes. */ -}}
{{- define "setpoint-adapter.pod" -}}
serviceAccountName: {{ include "setpoint-adapter.serviceAccount" . }}
automountServiceAccountToken: {{ .Values.automountServiceAccountToken }}
{{- if .Values.hostNetwork.enabled }}
hostNetwork: true
{{- end }}
{{- with .Values.dnsPolicy }}
dnsPolicy: {{ . }}
{{- end }}
{{- with .Values.dnsConfig }}
dnsConfig:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with .Values.podSecurityContext }}
securityContext:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.image.pullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ kindIs "map" . | ternary (get (kindIs "map" . | ternary . dict) "name") . }}
  {{- end }}
{{- end }}
{{- with .Values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- if .Values.topologySpreadConstraints }}
topologySpreadConstraints:
  {{- toYaml .Values.topologySpreadConstraints | nindent 2 }}
{{- else if and (gt (int .Values.replicas) 1) (not .Values.affinity) }}
topologySpreadConstraints:
  - maxSkew: 1
    topologyKey: kubernetes.io/hostname
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels:
        {{- include "setpoint-adapter.selector" . | nindent 8 }}
{{- end }}
{{- end -}}

{{- define "setpoint-adapter.container" -}}
name: adapter
image: "{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}"
imagePullPolicy: {{ .Values.image.pullPolicy }}
args:
  - --secure-port={{ .Values.listenPort }}
  {{- if include "setpoint-adapter.hasPair" . }}
  - --tls-cert-file=/var/run/serving-cert/tls.crt
  - --tls-private-key-file=/var/run/serving-cert/tls.key
  {{- end }}
  - --prometheus-url={{ include "setpoint-adapter.prometheusUrl" . }}
  - --metrics-relist-interval={{ .Values.metricsRelistInterval }}
  - --shutdown-delay-duration={{ .Values.shutdownDelay }}
  - --v={{ .Values.logLevel }}
  - --config=/etc/adapter/config.yaml
  {{- with .Values.extraArguments }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- with .Values.env }}
env:
  {{- toYaml . | nindent 2 }}
{{- end }}
ports:
  - name: https
    containerPort: {{ .Values.listenPort }}
{{- range $probe := list "livenessProbe" "readinessProbe" "startupProbe" }}
{{- with index $.Values $probe }}
{{ $probe }}:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}
{{- with .Values.resources }}
resources:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.securityContext }}
securityContext:
  {{- toYaml . | nindent 2 }}
{{- end }}
volumeMounts:
  {{- with .Values.extraVolumeMounts }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
  - name: config
    mountPath: /etc/adapter
    readOnly: true
  - name: tmp
    mountPath: /tmp
  {{- if include "setpoint-adapter.hasPair" . }}
  - name: volume-serving-cert
    mountPath: /var/run/serving-cert
    readOnly: true
  {{- end }}
{{- end -}}
