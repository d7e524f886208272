"""Keys and tokens that say by their form whose they are, from what their issuers document.

Each is `name: regex` in RE2's syntax, matched with case. A match must end where letters and digits end, and
its characters must vary (see `secrets`). Lengths are the issuers' least; tokens grow.
"""

from __future__ import annotations

from typing import Final

from dataplane.inspection.recognizers import secrets_further

_UUID: Final = r"[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}"

CLOUDS: Final = {
    "aws_access_key": r"\b(?:AKIA|ASIA|ABIA|ACCA|A3T[A-Z0-9])[A-Z0-9]{16}",
    "aws_bedrock_key": r"\bABSK[A-Za-z0-9+/]{100,}={0,2}|bedrock-api-key-[A-Za-z0-9+/=_-]{60,}",
    "aws_session_token": r"\b(?:FwoGZXIvYXdzE|IQoJb3JpZ2lu)[A-Za-z0-9+/=]{100,}",
    "gcp_api_key": r"\bAIza[\w-]{35,39}",
    "gcp_oauth_secret": r"\bGOCSPX-[\w-]{24,32}",
    "gcp_oauth_token": r"\bya29\.[\w-]{30,}|\b1//0[\w-]{40,}",
    "azure_client_secret": r"[A-Za-z0-9_~.]{3}\dQ~[A-Za-z0-9_~.-]{31,34}",
    "azure_storage_key": r"(?:AccountKey|SharedAccessKey)=[A-Za-z0-9+/]{42,86}={1,2}",
    "azure_sas": r"[?&]sig=(?:[A-Za-z0-9%+/]{43,}(?:%3[Dd]|=)|[\w-]{43}\b)",
    "azure_service_key": r"[A-Za-z0-9+/_-]{33,76}(?:\+ASt|\+AMC|AIoT|\+ASb|\+AEh|\+ARm|ACDb|AzFu|AzSe"
    r"|\+ACR|APIM|AZDO|AAEA)"
    r"[A-Za-z0-9+/_-]{3,6}={0,2}",
    "digitalocean_token": r"\bdo[opr]_v1_[a-f0-9]{40,}",
    "alibaba_access_key": r"\bLTAI[A-Za-z0-9]{17,21}",
    "tencent_secret_id": r"\bAKID[A-Za-z0-9]{32}",
    "yandex_key": r"\bt1\.[\w-]+={0,2}\.[\w-]{86}={0,2}|\bAQVN[\w-]{35,38}|\bYC[\w-]{38}",
    "cloudflare_key": r"\bv1\.0-[a-f0-9]{24}-[a-f0-9]{100,}|\bcf(?:ut|at|k|oat)_[A-Za-z0-9]{40,}",
    "heroku_key": r"\bHRKU-[\w-]{32,}",
    "fly_token": r"\bfo1_[\w-]{43}|\bfm[12][ar]?_[A-Za-z0-9+/]{80,}={0,3}",
    "vercel_token": r"\bvc[a-z]_[A-Za-z0-9]{24,}",
    "netlify_token": r"\bnfp_[\w]{32,}",
    "render_key": r"\brnd_[A-Za-z0-9]{26,}",
    "scaleway_key": r"\bSCW[A-Z0-9]{17}",
    "scalingo_token": r"\btk-us-[\w-]{48}",
    "supabase_key": r"\bsbp_(?:v0_)?[a-z0-9]{36,44}|\bsb_secret_[\w-]{31,}",
    "planetscale_key": r"\bpscale_(?:tkn|pw|oauth)_[\w=.-]{32,64}",
    "neon_key": r"\bnapi_[a-z0-9]{48,}|\bnpg_[A-Za-z0-9]{12,}",
    "databricks_token": r"\bdapi[a-f0-9]{30,36}(?:-\d)?",
    "snowflake_token": r"\bver:1-hint:\d+-ETMsDgAAA[\w+/=-]{40,}",
    "openshift_token": r"sha256~[\w-]{40,46}",
    "defined_key": r"\bdnkey-[a-z0-9=_-]{26}-[a-z0-9=_-]{52}",
    "tailscale_key": r"\btskey-[a-z]+-[A-Za-z0-9]{7,}-?[A-Za-z0-9]{4,}",
    "aws_appsync_key": r"\bda2-[a-z0-9]{26}",
    "aws_mws_key": rf"\bamzn\.mws\.{_UUID}",
    "vault_unseal_key": r"(?i:unseal(?:[ _-]key)?(?: \d{1,2})?)[\"']?\s{0,2}[:=]?\s{1,3}[\"']?"
    r"[A-Za-z0-9+/]{43,44}=?",
    "planetscale_service": r"\bpscale_api_[\w=.-]{32,64}",
}
MODELS: Final = {
    "openai_key": r"\bsk-[A-Za-z0-9]{20}T3BlbkFJ[A-Za-z0-9]{20}|\bsk-(?:proj|svcacct|admin|None)-[\w-]{32,}"
    r"|\bsk-[A-Za-z0-9]{48}",
    "anthropic_key": r"\bsk-ant-(?:api|admin|sid|oat|ort)\d{2,3}-[\w-]{80,}AA",
    "openrouter_key": r"\bsk-or-v1-[\w-]{40,}",
    "langfuse_key": rf"\bsk-lf-{_UUID}",
    "deepseek_key": r"\bsk-[0-9a-f]{32}",
    "huggingface_token": r"\b(?:hf|api_org)_[A-Za-z0-9]{30,44}",
    "replicate_token": r"\br8_[A-Za-z0-9]{32,48}",
    "groq_key": r"\bgsk_[A-Za-z0-9]{40,}",
    "perplexity_key": r"\bpplx-[A-Za-z0-9]{40,}",
    "xai_key": r"\bxai-(?:token-)?[A-Za-z0-9_]{40,}",
    "fireworks_key": r"\bfw_[A-Za-z0-9]{22,24}",
    "tavily_key": r"\btvly-(?:dev-|prod-)?[A-Za-z0-9]{28,}",
    "langsmith_key": r"\blsv2_(?:pt|sk)_[0-9a-f]{32}_[0-9a-f]{10}",
    "pinecone_key": r"\bpcsk_[A-Za-z0-9]{5,6}_[A-Za-z0-9]{50,}",
    "nvidia_key": r"\bnvapi-[\w-]{40,}",
    "elevenlabs_key": r"\bsk_[0-9a-f]{40,64}",
    "cerebras_key": r"\bcsk-[a-z0-9]{40,}",
    "voyage_key": r"\bpa-[A-Za-z0-9_-]{43}",
}
CODE: Final = {
    "github_token": r"\bgh[pousr]_[A-Za-z0-9]{32,}|\bgithub_pat_[A-Za-z0-9]{20,}(?:_[A-Za-z0-9]{30,})?"
    r"|\bgithub_pat_\w{82}|\bghs_\d{1,12}_eyJ[\w-]{16,}\.[\w-]{16,}\.[\w-]{16,}",
    "gitlab_token": r"\bgl(?:pat|ptt|rt|dt|cbt|ft|imt|agent|oas|soat|ffct|rtr|wt"
    r"|ldt)-(?:t\d_)?[\w-]{20,}(?:\.[\w.-]{7,})?"
    r"|\bGR1348941[\w-]{20}|_gitlab_session=[0-9a-z]{32}",
    "bitbucket_token": r"\bATBB[A-Za-z0-9]{28,32}|\bATCTT3[\w=-]{60,}",
    "atlassian_token": r"\bATATT3[\w=-]{60,}",
    "npm_token": r"\bnpm_[A-Za-z0-9]{34,}",
    "pypi_token": r"\bpypi-AgE[IN][\w-]{40,}",
    "rubygems_key": r"\brubygems_[a-f0-9]{40,}",
    "nuget_key": r"\boy2[a-z0-9]{43}",
    "clojars_token": r"\bCLOJARS_[a-z0-9]{56,}",
    "crates_token": r"\bcio[A-Za-z0-9]{32}",
    "docker_token": r"\bdckr_(?:pat|oat)_[\w-]{24,}|\bSWMTKN-1-[a-z0-9]{50}-[a-z0-9]{25}"
    r"|\bSWMKEY-1-[A-Za-z0-9+/]{43}",
    "artifactory_key": r"\bAKCp[A-Za-z0-9]{69}|\bcmVmd[A-Za-z0-9]{59}",
    "sourcegraph_token": r"\bsgp_(?:[a-fA-F0-9]{16}_|local_)?[a-fA-F0-9]{40}|\bslk_[a-f0-9]{64}",
    "sonar_token": r"\bsq[upa]_[A-Za-z0-9]{40}",
    "snyk_token": rf"\bsnyk_(?:uat|sat)\.[\w.-]{{20,}}|\bsnyk[a-z_]{{0,8}}_{_UUID}",
    "buildkite_token": r"\bbk(?:ua|aj|pi)_[a-z0-9]{40}",
    "circleci_token": r"\bCCI(?:PAT|PRJ)_[A-Za-z0-9]{20,24}_[a-f0-9]{36,44}",
    "terraform_token": r"\b[A-Za-z0-9]{12,16}\.atlasv1\.[\w=-]{50,80}",
    "vault_token": r"\bhv[sbr]\.[\w-]{24,}|\bs\.[A-Za-z0-9]{24}",
    "pulumi_token": r"\bpul-[a-f0-9]{36,}",
    "doppler_token": r"\bdp\.(?:pt|st|ct|sa|scim|audit)\.(?:[a-z0-9_-]{2,35}\.)?[A-Za-z0-9]{40,44}",
    "infracost_key": r"\bico-[A-Za-z0-9]{32}",
    "prefect_key": r"\bpn[ub]_[A-Za-z0-9]{36}",
    "postman_key": r"\bPMAK-[a-f0-9]{20,26}-[a-f0-9]{30,36}|\bPMAT-[A-Z0-9]{24,28}",
    "readme_key": r"\brdme_[a-z0-9]{70}",
    "octopus_key": r"\bAPI-[A-Z0-9]{26}",
    "launchdarkly_key": rf"\b(?:api|sdk)-{_UUID}",
    "harness_token": r"\b(?:pat|sat)\.[\w-]{22}\.[a-zA-Z0-9]{24}\.[A-Za-z0-9]{20}",
    "onepassword_token": r"\bops_eyJ[\w+/-]{80,}={0,3}|\bA3-[A-Z0-9]{6}-(?:[A-Z0-9]{11}"
    r"|[A-Z0-9]{6}-[A-Z0-9]{5})"
    r"-[A-Z0-9]{5}-[A-Z0-9]{5}-[A-Z0-9]{5}",
    "age_secret_key": r"\bAGE-SECRET-KEY-1[QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L]{58}",
    "authress_key": r"\b(?:sc|ext|scauth|authress)_[a-z0-9]{5,30}\.[a-z0-9]{4,6}\.acc[_-][a-z0-9-"
    r"]{10,32}\.[\w+/=-]{30,}",
    "deno_token": r"\bdd[opw]_[A-Za-z0-9]{36}",
    "intra42_secret": r"\bs-s4t2(?:ud|af)-[a-f0-9]{64}",
    "clickhouse_key": r"\b4b1d[A-Za-z0-9]{38}",
    "settlemint_token": r"\bsm_(?:aat|pat|sat)_[A-Za-z0-9]{16}",
}
SERVICES: Final = {
    "slack_token": r"\bxox[abposr]-(?:\d-)?(?:[A-Za-z0-9]{6,}-){1,3}[A-Za-z0-9-]{8,}"
    r"|\bxox[pe]-\d{8,}-[\w-]{20,}"
    r"|\bxapp-\d{1,6}-[A-Z0-9]+-\d+-[a-z0-9]+|\bxoxe(?:\.xox[bp])?-\d-[A-Za-z0-9]{100,}|\bxwfp-[\w-]{20,}"
    r"|\bxoxd-[A-Za-z0-9%+/]{40,}|\bxox[a-z]-\d-[A-Za-z0-9]{60,}",
    "slack_webhook": r"hooks\.slack(?:-gov)?\.com/(?:services|workflows|triggers)/[A-Za-z0-9+/]{30,}",
    "discord_token": r"\b[MNO][A-Za-z\d_-]{23,27}\.[\w-]{6}\.[\w-]{27,38}",
    "discord_webhook": r"discord(?:app)?\.com/api/webhooks/\d{17,20}/[\w-]{60,}",
    "teams_webhook": rf"\.webhook\.office\.com/webhookb2/{_UUID}@{_UUID}/IncomingWebhook/[a-z0-9]{{32}}"
    rf"/{_UUID}"
    rf"|outlook\.office(?:365)?\.com/webhook/{_UUID}@{_UUID}/IncomingWebhook/[a-z0-9]{{32}}/{_UUID}",
    "zapier_webhook": r"hooks\.zapier\.com/hooks/catch/\d+/\w{6,}",
    "telegram_token": r"\b\d{8,10}:A[\w-]{34}",
    "twilio_key": r"\bSK[0-9a-f]{32}",
    "sendgrid_key": r"\bSG\.[\w-]{16,32}\.[\w-]{30,64}",
    "brevo_key": r"\bx(?:key|smtp)sib-[a-f0-9]{64}-[A-Za-z0-9]{16}",
    "mailgun_key": r"\b(?:pub)?key-[a-f0-9]{32}|\b[a-h0-9]{32}-[a-h0-9]{8}-[a-h0-9]{8}",
    "mailchimp_key": r"\b[0-9a-f]{32}-us\d{1,2}",
    "stripe_key": r"\b(?:sk|rk)_(?:test|live|prod)_[A-Za-z0-9]{10,}|\bwhsec_[A-Za-z0-9+/=]{32,}",
    "square_token": r"\bsq0[a-z]{3}-[\w-]{22,80}|\bEAAA[\w+/=-]{56,64}",
    "shopify_token": r"\bshp(?:at|ca|pa|ss|ua|rt)_[A-Za-z0-9]{28,}",
    "paypal_token": r"access_token\$(?:production|sandbox)\$[a-z0-9]{12,20}\$[a-f0-9]{28,36}",
    "adyen_key": r"\bAQE[\w]{5}[A-Za-z0-9+/=_.-]{80,}",
    "razorpay_key": r"\brzp_(?:live|test)_[A-Za-z0-9]{14,}",
    "plaid_token": rf"\baccess-(?:sandbox|development|production)-{_UUID}",
    "flutterwave_key": r"\bFLW(?:SEC|PUB)K(?:_TEST)?-[a-h0-9]{12,32}(?:-X)?|\bFLWSECK_TEST[a-h0-9]{12}",
    "duffel_token": r"\bduffel_(?:test|live)_[\w=-]{40,}",
    "easypost_key": r"\bEZ[AT]K[A-Za-z0-9]{50,}",
    "shippo_token": r"\bshippo_(?:live|test)_[a-f0-9]{36,}",
    "lob_key": r"\b(?:live|test)_(?:pub_)?[a-f0-9]{31,35}",
    "frameio_token": r"\bfio-u-[\w=-]{64}",
    "dynatrace_token": r"\bdt0[a-z]\d\d\.[A-Z0-9]{24}\.[A-Z0-9]{64}",
    "newrelic_key": r"\bNRAK-[A-Z0-9]{24,32}|\bNR(?:JS|BR)-[a-f0-9]{19}|\bNRI[IQ]-[\w-]{32}"
    r"|\bNRRA-[a-f0-9]{42}|\bNRAA-[a-f0-9]{27}|\b(?:[a-z]{2}\d\dxx?)?[a-fA-F0-9]{30,36}NRAL|[a-f0-9]{36}-NRMA",
    "grafana_token": r"\bglsa_[A-Za-z0-9]{28,36}_[0-9a-fA-F]{8}|\bglc_[A-Za-z0-9+/]{32,}={0,3}"
    r"|\beyJrIjoi[A-Za-z0-9+/]{60,}={0,3}",
    "sentry_token": r"\bsntrys_[A-Za-z0-9+/=_-]{40,}|\bsntryu_[a-f0-9]{60,}",
    "honeycomb_key": r"\bhc[abc]ik_[a-z0-9]{58}",
    "linear_key": r"\blin_(?:api|oauth|wh)_[A-Za-z0-9]{28,}",
    "notion_token": r"\bntn_\d{11}[A-Za-z0-9]{35}|\bsecret_[A-Za-z0-9]{40,46}",
    "airtable_token": r"\bpat[A-Za-z0-9]{14}\.[a-f0-9]{64}",
    "asana_token": r"\b\d/\d{15,17}(?:/\d{15,17})?:[a-f0-9]{32}",
    "figma_token": r"\bfig[dou]h?_[\w-]{32,}",
    "typeform_token": r"\btfp_[\w=.-]{40,}",
    "mapbox_token": r"\bsk\.eyJ[\w-]{40,}\.[\w-]{22}|\bpk\.[a-z0-9]{60}\.[a-z0-9]{22}",
    "contentful_token": r"\bCFPAT-[\w-]{40,}",
    "hubspot_token": rf"\bpat-(?:na|eu)\d-{_UUID}",
    "salesforce_token": r"\b00D[A-Za-z0-9]{9,15}![A-Za-z0-9._]{60,}",
    "zoho_token": r"\b1000\.[a-f0-9]{32}\.[a-f0-9]{32}",
    "dropbox_token": r"\bsl\.(?:u\.)?[\w-]{100,}",
    "facebook_token": r"\bEAA[A-Z][A-Za-z0-9]{80,}|\b\d{15,16}\|[\w-]{27}",
    "twitter_token": r"\bA{18,22}[A-Za-z0-9%]{80,}",
    "maxmind_key": r"\b[A-Za-z0-9]{6}_[A-Za-z0-9]{29}_mmk",
    "adobe_secret": r"\bp8e-[A-Za-z0-9]{32}",
    "algolia_key": r"\bsk_algolia_[A-Za-z0-9]{32,}",
    "cloudinary_url": r"cloudinary://\d{10,}:[\w-]{20,}@\w+",
    "ubidots_token": r"\bBBFF-[A-Za-z0-9]{30}",
    "persona_key": r"\bpersona_(?:sandbox|production)_[a-z0-9-]{32,}",
    "telnyx_key": r"\bKEY[0-9A-F]{32}_[A-Za-z0-9]{22}",
    "squareup_key": r"\bsandbox-sq0[a-z]{3}-[\w-]{22,43}",
    "workos_key": r"\bsk_(?:test|live)_[A-Za-z0-9=]{40,}",
    "clerk_key": r"\bclerk_(?:live|test)_[\w]{30,}",
    "resend_key": r"\bre_[A-Za-z0-9]{8}_[A-Za-z0-9]{24}",
    "loops_key": r"\bxoxl-[\w-]{20,}",
    "apify_token": r"\bapify_api_[A-Za-z0-9]{32,}",
    "browserbase_key": r"\bbb_(?:live|test)_[\w-]{24,}",
    "posthog_key": r"\bph[arsx]_[A-Za-z0-9_]{43,}",
    "mux_token": r"\bmux_[a-z]{2,4}_[A-Za-z0-9]{40,}",
    "checkout_key": rf"\bsk_(?:sbox_|test_)?{_UUID}",
    "mongodb_atlas_secret": r"\bmdb_sa_sk_[\w-]{40}",
    "dependency_track_key": r"\bodt_[A-Za-z0-9]{32,40}(?:_[A-Za-z0-9]{32,40})?",
    "teamwork_token": r"\btkn\.v1_[A-Za-z0-9+/]{70,}={0,2}",
    "pagarme_key": r"\bak_live_[A-Za-z0-9]{30}",
    "onfido_token": r"\bapi_(?:live|sandbox)(?:_[a-z]{2})?\.[\w-]{11}\.[\w-]{32}",
    "voiceflow_key": r"\bVF\.(?:DM|WS)\.[a-f0-9]{24}\.[A-Za-z0-9]{16}",
    "nightfall_key": r"\bNF-[A-Za-z0-9]{32}",
    "kolide_key": r"\bk2sk_v\d_[A-Za-z0-9]{24}",
    "okta_token": r"\b(?:SSWS\s{1,2})00[\w-]{40}",
    "front_key": r"\bfront\.(?:key|token)\.[A-Za-z0-9]{30,40}\.[\w-]{60,}",
    "private_ai": r"\bcoze_[A-Za-z0-9]{40,}|\bpat_[A-Za-z0-9]{64}",
}
ALL: Final = {**CLOUDS, **MODELS, **CODE, **SERVICES, **secrets_further.FURTHER}
