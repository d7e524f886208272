"""Names of services: what is set to a value of varied characters under such a name is a key to it."""

from __future__ import annotations

from itertools import groupby
from typing import Final

_NAMES: Final = r"""
abuseipdb abyssale accuweather adafruit adobe adzuna ai21 airbrake airbyte airship airtable airvisual aiven
akamai alchemy alconost algolia alibaba alicloud alienvault amadeus amplitude anthropic anypoint apideck
apiflash apify apilayer apimetrics apitemplate apollo[_.-]?io appcues appfollow appointedd appveyor
artifactory asana assemblyai atlassian auth0 autodesk aviationstack axonaut aylien ayrshare
azure[_.-]?devops backblaze bannerbear baremetrics baseten beamer betterstack billomat binance bitbucket
bitcoinaverage bitfinex bitly bitmex bittrex blazemeter blynk bombbomb borgbase braintree braintrust
brandfetch browserstack bscscan buddyns budibase bugherd bugsnag buildkite bulksms buttercms calendarific
calendly calorieninjas? campayn capsulecrm censys cerebras chargebee chartmogul checkly[_-]?hq checkvist
circleci cisco clarifai clearbit clickhelp clickhouse clicksend clickup clinchpad clockify clojars cloudant
cloudconvert cloudflare cloudimage cloudinary cloudmersive cloudsmith codacy codeclimate codecov codemagic
codeship cohere coinapi coinbase coingecko coinlayer coinlib coinmarketcap confluence confluent contentful
contentstack convertapi convertkit copyleaks couchbase countrylayer coveralls craftmypdf crowdin crowdstrike
cryptocompare currencycloud currencyfreaks currencylayer currencyscoop customer[_.-]?io d7network
daily[_.-]?co dareboost databox databricks datadog datastax deepgram deepl deepseek detectify detectlanguage
diffbot digicert digitalocean discord disqus dockerhub docparser docusign doppler dotdigital droneci dropbox
dropcontact duffel dwolla dynadot dynalist dynatrace easypost edamam edenai elastic[_.-]?cloud elasticemail
elevenlabs endorlabs etherscan eventbrite everhour exchangerate exoscale expensify extractorapi facebook
faceplusplus fastforex fastly fibery figma finicity finnhub firebase firecrawl fivetran fixer[_.-]?io
flexport flickr flightlabs flightstats flutterwave fly[_.-]?io formbucket formcraft foursquare frameio
freecurrencyapi freemius freshbooks freshdesk freshworks ftrack fullstory geckoboard geoapify geocodify
geocodio getgist getresponse ghostinspector giphy github gitlab gitter glassnode gocanvas gocardless godaddy
goodreads grafana graphcms graphhopper groq gtmetrix guardianapi gumroad happyscribe hashicorp
hasura hellosign helpcrunch helpscout hereapi heroku hetzner holidayapi honeycomb html2pdf hubspot
huggingface humanloop hunter[_.-]?io hyperbolic hypertrack iconfinder iexapis iexcloud imagekit imagga imgbb
imgur infracost infura inngest instagram instamojo intercom intrinio invoiceocean ip2location ipapi ipdata
ipgeolocation ipinfo ipinfodb ipqualityscore ipstack jenkins jfrog jira jotform jumpcloud
jupiterone kanbantool keenio kickbox klaviyo klipfolio knapsack[_-]?pro kontent kraken kucoin langfuse
langsmith languagelayer larksuite launchdarkly leadfeeder lemlist lemonsqueezy linkedin linkpreview linode
liveagent livechat livekit livestorm locationiq loggly loginradius logz[_.-]?io lokalise loyverse lunchmoney
magicbell mailboxlayer mailchimp mailerlite mailersend mailgun mailjet mailmodo mailsac mailtrap mandrill
mapbox mapillary mapquest marketstack mattermost maxmind meaningcloud mediastack meilisearch
meistertask meraki mesibo messagebird metaapi metabase miro[_-]api mistral mixmax mixpanel mockaroo mongo
monkeylearn moosend moralis mrticktock namecheap netlify neutrinoapi new[_.-]?relic newsapi newscatcher
newsdata nexmo nftport ngrok nicereply nightfall novita nuget numverify nutritionix nylas
nytimes oanda okta omnisend onedesk onelogin onepassword onesignal onfleet openai opencage opencagedata
openrouter openuv openvpn openweather openweathermap opsgenie optimizely overloop ovhcloud packagecloud
pagarme pagerduty pandadoc pandascore paperform papertrail parsehub parseur pastebin paydirtapp paymongo
paypal paystack pdflayer pdfshift peopledatalabs perplexity pexels photoroom phrase[_-]?app pinecone
pipedream pipedrive pivotaltracker pixabay plaid planetscale plivo podio poeditor polar[_-]?sh poloniex
polygonscan portainer positionstack posthog postman postmark prefect privateai pulumi purestake pushbullet
pusher pushover pypi qualaroo qubole questdb quickbase quicknode railway(?:app)? rapidapi rawg razorpay
reachmail readme[_-]?io rebrandly rechargepayments recurly replicate replyio requestfinance ringcentral
ritekit roblox rocketreach rollbar rootly rubygems runpod runway[_-]?ml salesforce samsara sanity[_-]?io
saucelabs scaleway scalingo scalr scrapeowl scraperapi scrapestack scrapfly scrapingant scrapingbee
screenshotapi screenshotlayer scrutinizer[_-]?ci securitytrails selectpdf semaphore[_-]?ci sendbird sendgrid
sendinblue sentry serpapi serper serphouse serpstack shippo shodan shopify shotstack shutterstock sidekiq
signable signalwire signaturit signupgenius simfin sitecore siteleaf skybiometry slack smartsheet
smartystreets snowflake snyk softlayer solarwinds sonar sonarcloud sonarqube sourcegraph sparkpost
spectralops splunk spoonacular sportmonks spotify squarespace sslmate stackhawk statsig statuscake
statuspage stitchdata stockdata storecove stormboard stormglass storyblok strava stripe stytch sumo
sumologic supabase supernotes surveybot surveymonkey surveysparrow swiftype tableau tavily taxjar teamcity
teamgate telegram telnyx testrail textmagic the-odds-api theoddsapi thinkific thousandeyes ticketmaster
tickettailor tiingo timezoneapi together[_-]?ai toggl tomorrow[_-]?io tomtom tradier transferwise
travelpayouts travis(?:ci)? trello trufflehog twelvedata twilio twitch twitter tyntec typeform typesense
unsplash upcdatabase uplead uploadcare upstash uptimerobot upwave urlscan userstack vatlayer vercel verimail
veriphone virustotal visualcrossing voicegain voodoosms vouchery voyageai vpnapi vultr vyte wakatime
walkscore wandb weatherapi weatherbit weatherstack weaviate webflow webscraper webscraping websitepulse
weights[_.-]?and[_.-]?biases wepay whoxy wistia woocommerce workos worldcoinindex worldweather wrike xero
yandex yelp youneedabudget zapier zendesk zenhub zenrows zenscrape zenserp zeplin zerobounce
zerotier zipbooks zipcodeapi zipcodebase zoho zonka zulip
"""
_AT_ONCE: Final = 40
"""Names of one expression. Of hundreds together, the engine looks for each letter by letter instead of for
the names, which prose has hardly any of: a sixth of what a scan takes."""


def _together() -> tuple[str, ...]:
    names = _NAMES.split()
    return tuple("|".join(names[at : at + _AT_ONCE]) for at in range(0, len(names), _AT_ONCE))


def _by_letter() -> str:
    letters = groupby(sorted(_NAMES.split()), key=lambda name: name[0])
    return "|".join(f"{letter}(?:{'|'.join(name[1:] for name in names)})" for letter, names in letters)


PROVIDERS: Final = _together()
"""Alternatives of expressions. None is a word of prose by itself, which members of records are called too."""
BY_LETTER: Final = _by_letter()
"""The same for `re`, which tries alternatives one by one."""
