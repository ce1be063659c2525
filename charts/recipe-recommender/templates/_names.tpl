{{- define "labels" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}
{{- /* What finds the pods of one component: {{ include "pods" (list . "controller") }} */}}
{{- define "pods" -}}
app.kubernetes.io/instance: {{ (index . 0).Release.Name }}
app.kubernetes.io/component: {{ index . 1 }}
{{- end }}
{{- define "controller" -}}
{{ .Release.Name }}-controller
{{- end }}
{{- define "mlflow" -}}
{{ .Release.Name }}-mlflow
{{- end }}
{{- /* Whether it keeps every namespace: "true" or nothing. */}}
{{- define "everywhere" -}}
{{- if eq .Values.controller.scope "cluster" }}true{{ end -}}
{{- end }}
{{- /* The namespaces where versions run, as far as the release knows them: as JSON, {"names": [...]}. */}}
{{- define "modelNamespaces" -}}
{{- $more := ternary .Values.modelNamespaces (list) (eq .Values.controller.scope "cluster") }}
{{- dict "names" (concat (list .Release.Namespace) $more | uniq) | toJson }}
{{- end }}
{{- /* Pods of other namespaces have to find it too. */}}
{{- define "registry" -}}
{{ .Values.registry | default (printf "http://%s%s:5000" (include "mlflow" .) (ternary (printf ".%s" .Release.Namespace) "" (eq .Values.controller.scope "cluster"))) }}
{{- end }}
{{- /* What a Model of the release's namespace is called in the registry: {{ include "called" (list . NAME) }} */}}
{{- define "called" -}}
{{- if include "everywhere" (index . 0) }}{{ (index . 0).Release.Namespace }}.{{ end }}{{ index . 1 -}}
{{- end }}
{{- define "hostname" -}}
{{ .Values.hostname | default (ternary "{model}.{namespace}.example" "{model}.example" (eq .Values.controller.scope "cluster")) }}
{{- end }}
{{- define "mlflowEnvironment" -}}
- {name: MLFLOW_SERVER_ENABLE_JOB_EXECUTION, value: "false"}
- {name: MLFLOW_DISABLE_TELEMETRY, value: "true"}
- {name: DO_NOT_TRACK, value: "true"}
{{- if .Values.mlflow.databaseSecret }}
- name: MLFLOW_BACKEND_STORE_URI
  valueFrom: {secretKeyRef: {name: {{ .Values.mlflow.databaseSecret }}, key: uri}}
{{- else }}
- {name: MLFLOW_BACKEND_STORE_URI, value: "sqlite:////var/mlflow/mlflow.db"}
{{- end }}
{{- end }}
{{- /* No root, and nothing writable but /tmp and volumes: what the restricted Pod Security Standard asks. */}}
{{- define "podSecurity" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
fsGroup: 65532
fsGroupChangePolicy: OnRootMismatch
seccompProfile: {type: RuntimeDefault}
{{- end }}
{{- define "containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end }}
{{- /* Where pods of a component may run. */}}
{{- define "placement" -}}
{{- with .priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with .nodeSelector }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .tolerations }}
tolerations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .affinity }}
affinity: {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}
{{- /* A pod that trains and registers versions of the sample, and then speaks to the API as `kubectl recipes` does.
     Only the second container holds a token.
     {{ include "sampleSpec" (dict "root" . "account" A "model" M "versions" (list "1.0.0") "files" CONFIGMAP "say" "…") }} */}}
{{- define "sampleSpec" -}}
{{- $root := .root -}}
serviceAccountName: {{ .account }}
automountServiceAccountToken: false
enableServiceLinks: false
{{- with $root.Values.images.pullSecrets }}
imagePullSecrets: {{- toYaml . | nindent 2 }}
{{- end }}
securityContext: {{- include "podSecurity" $root | nindent 2 }}
initContainers:
  {{- $model := .model }}
  {{- range .versions }}
  - name: train-{{ . | replace "." "-" | replace "+" "-" | lower }}
    image: {{ $root.Values.images.jobs }}
    imagePullPolicy: IfNotPresent
    terminationMessagePolicy: FallbackToLogsOnError
    securityContext: {{- include "containerSecurity" $root | nindent 6 }}
    args: [train, --register, --model, {{ include "called" (list $root $model) | quote }}, --version, {{ . | quote }}]
    env:
      - {name: RECIPES_HOME, value: /tmp/home}
      - {name: RECIPES_MLFLOW_URI, value: {{ include "registry" $root | quote }}}
      {{- with $root.Values.otlpEndpoint }}
      - {name: OTEL_EXPORTER_OTLP_ENDPOINT, value: {{ . | quote }}}
      - {name: OTEL_EXPORTER_OTLP_PROTOCOL, value: {{ $root.Values.otlpProtocol | quote }}}
      - {name: OTEL_SERVICE_NAME, value: {{ printf "%s-jobs" $model | quote }}}
      {{- end }}
    {{- with $root.Values.registrySecret }}
    envFrom:
      - secretRef: {name: {{ . }}}
    {{- end }}
    resources:
      requests: {cpu: 500m, memory: 512Mi}
      limits: {memory: 2Gi}
    volumeMounts:
      - {name: scratch, mountPath: /tmp}
  {{- end }}
containers:
  - name: recipes
    image: {{ $root.Values.images.controller }}
    imagePullPolicy: IfNotPresent
    terminationMessagePolicy: FallbackToLogsOnError
    securityContext: {{- include "containerSecurity" $root | nindent 6 }}
    command: {{- toYaml .command | nindent 6 }}
    env:
      - {name: MODEL, value: {{ .model | quote }}}
      - {name: NAMESPACE, value: {{ $root.Release.Namespace | quote }}}
    resources:
      requests: {cpu: 50m, memory: 64Mi}
      limits: {memory: 256Mi}
    volumeMounts:
      - {name: scratch, mountPath: /tmp}
      - {name: files, mountPath: /files}
      - {name: account, mountPath: /var/run/secrets/kubernetes.io/serviceaccount}
volumes:
  - {name: scratch, emptyDir: {sizeLimit: 2Gi}}
  - {name: files, configMap: {name: {{ .files }}}}
  - name: account
    projected:
      sources:
        - serviceAccountToken: {path: token}
        - configMap: {name: kube-root-ca.crt, items: [{key: ca.crt, path: ca.crt}]}
        - downwardAPI: {items: [{path: namespace, fieldRef: {fieldPath: metadata.namespace}}]}
{{- end }}
