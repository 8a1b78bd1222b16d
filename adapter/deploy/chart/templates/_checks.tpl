{{- /* What can't be meant ends the installation, with the reason and what to do. */ -}}
{{- define "setpoint-adapter.checks" -}}
{{- if regexMatch "(^|/)(k8s-)?prometheus-adapter([-_][a-z0-9]+)?$" .Values.image.repository -}}
{{- fail (printf "image.repository `%s` is the image of prometheus-adapter, which doesn't know all arguments of this chart: leave image.repository and image.tag out of the values, or name a copy of ghcr.io/setpoint-dev/setpoint-adapter" .Values.image.repository) -}}
{{- end -}}
{{- $url := tpl .Values.prometheus.url . -}}
{{- if not (regexMatch "^https?://." $url) -}}
{{- fail (printf "prometheus.url `%s` must begin with http:// or https://" $url) -}}
{{- end -}}
{{- $pairs := list -}}
{{- if .Values.tls.enable }}{{ $pairs = append $pairs "tls.enable" }}{{ end -}}
{{- if .Values.tls.certs }}{{ $pairs = append $pairs "tls.certs" }}{{ end -}}
{{- if .Values.certManager.enabled }}{{ $pairs = append $pairs "certManager.enabled" }}{{ end -}}
{{- if gt (len $pairs) 1 -}}
{{- fail (printf "%s each bring a serving certificate: set one of them" (join ", " $pairs)) -}}
{{- end -}}
{{- if .Values.tls.enable -}}
{{- range list "ca" "certificate" "key" -}}
{{- if not (contains "-----BEGIN " (toString (index $.Values.tls .))) -}}
{{- fail (printf "tls.%s is not PEM (-----BEGIN …): tls.enable takes the texts of tls.ca, tls.certificate and tls.key" .) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- with .Values.podDisruptionBudget -}}
{{- if and .enabled (not (kindIs "invalid" .minAvailable)) (not (has (toString .maxUnavailable) (list "1" "" "<nil>"))) -}}
{{- fail "podDisruptionBudget has both minAvailable and maxUnavailable, which Kubernetes refuses: set one of them" -}}
{{- end -}}
{{- end -}}
{{- range .Values.apiServices.customVersions -}}
{{- if not (has . (list "v1beta1" "v1beta2")) -}}
{{- fail (printf "apiServices.customVersions: `%s` is none of v1beta1 and v1beta2" .) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- /* Keys that have no effect, a line each: those that no chart has, and those of older charts. `global` and `enabled` are those of a chart around this one. */ -}}
{{- define "setpoint-adapter.unusedKeys" -}}
{{- $known := dict
  "" "affinity apiServices automountServiceAccountToken certManager customAnnotations customLabels deploymentAnnotations dnsConfig dnsPolicy enabled env extraArguments extraContainers extraManifests extraVolumeMounts extraVolumes fullnameOverride global hostNetwork image listenPort livenessProbe logLevel metricsRelistInterval nameOverride namespaceOverride nodeSelector podAnnotations podDisruptionBudget podLabels podSecurityContext priorityClassName prometheus rbac readinessProbe replicas resources revisionHistoryLimit rules securityContext service serviceAccount serviceMonitor shutdownDelay startupProbe strategy tls tolerations topologySpreadConstraints"
  "apiServices" "customVersions enabled"
  "certManager" "caCertDuration caCertRevisionHistoryLimit certDuration certRevisionHistoryLimit enabled"
  "hostNetwork" "enabled"
  "image" "pullPolicy pullSecrets repository tag"
  "podDisruptionBudget" "enabled maxUnavailable minAvailable unhealthyPodEvictionPolicy"
  "prometheus" "path port url"
  "rbac" "create customMetrics externalMetrics extraRules useAuthReaderClusterRole"
  "rules" "custom default existing external resource"
  "service" "annotations clusterIP ipDualStack port type"
  "serviceAccount" "annotations automountServiceAccountToken create name"
  "serviceMonitor" "enabled interval labels prometheusServiceAccount"
  "tls" "ca certificate certs enable key" -}}
{{- $told := dict
  "deploymentStrategy" "its name is strategy"
  "psp" "PodSecurityPolicies are gone since Kubernetes 1.25"
  "tls.enabled" "its name is tls.enable"
  "prometheus.host" "its name is prometheus.url" -}}
{{- range $group, $keys := $known -}}
{{- $values := $group | empty | ternary $.Values (index $.Values $group) -}}
{{- if kindIs "map" $values -}}
{{- range $key := keys $values | sortAlpha -}}
{{- $path := $group | empty | ternary $key (printf "%s.%s" $group $key) -}}
{{- if not (has $key (splitList " " $keys)) }}
  {{ $path }}{{ with get $told $path }}: {{ . }}{{ end }}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
