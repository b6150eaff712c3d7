/**
 * Cities where edges of a simulated colony may stand: places with data centres, exchange points or many
 * people, on all inhabited continents. Coordinates are of the city's centre, to a hundredth of a degree
 * (about 1 km), which is far below what routes add.
 */
export type Continent = 'africa' | 'asia' | 'europe' | 'north-america' | 'oceania' | 'south-america'

export interface City {
  /** Lower case, words joined by hyphens; serves as the name of a region. */
  readonly name: string
  /** ISO 3166-1 alpha-2. */
  readonly country: string
  readonly continent: Continent
  /** Degrees north, and east. */
  readonly latitude: number
  readonly longitude: number
}

/** `name country latitude longitude`, a line each. */
const byContinent: Readonly<Record<Continent, string>> = {
  africa: `
    abidjan CI 5.36 -4.01
    accra GH 5.56 -0.20
    addis-ababa ET 9.03 38.74
    algiers DZ 36.75 3.06
    antananarivo MG -18.88 47.51
    cairo EG 30.04 31.24
    cape-town ZA -33.92 18.42
    casablanca MA 33.57 -7.59
    dakar SN 14.69 -17.44
    dar-es-salaam TZ -6.79 39.21
    djibouti DJ 11.59 43.15
    durban ZA -29.86 31.02
    harare ZW -17.83 31.05
    johannesburg ZA -26.20 28.05
    kampala UG 0.35 32.58
    kigali RW -1.94 30.06
    kinshasa CD -4.32 15.31
    lagos NG 6.52 3.38
    luanda AO -8.84 13.23
    lusaka ZM -15.39 28.32
    maputo MZ -25.97 32.57
    mombasa KE -4.04 39.67
    nairobi KE -1.29 36.82
    port-louis MU -20.16 57.50
    tunis TN 36.81 10.18`,
  asia: `
    almaty KZ 43.24 76.89
    amman JO 31.95 35.93
    baku AZ 40.41 49.87
    bangalore IN 12.97 77.59
    bangkok TH 13.76 100.50
    beijing CN 39.90 116.41
    chengdu CN 30.57 104.07
    chennai IN 13.08 80.27
    chongqing CN 29.56 106.55
    colombo LK 6.93 79.86
    delhi IN 28.61 77.21
    dhaka BD 23.81 90.41
    doha QA 25.29 51.53
    dubai AE 25.20 55.27
    fujairah AE 25.13 56.33
    guangzhou CN 23.13 113.26
    hanoi VN 21.03 105.85
    ho-chi-minh-city VN 10.82 106.63
    hong-kong HK 22.32 114.17
    hyderabad IN 17.39 78.49
    islamabad PK 33.68 73.05
    jakarta ID -6.21 106.85
    jeddah SA 21.49 39.19
    karachi PK 24.86 67.01
    kathmandu NP 27.72 85.32
    kolkata IN 22.57 88.36
    kuala-lumpur MY 3.14 101.69
    kuwait-city KW 29.38 47.98
    lahore PK 31.55 74.34
    manama BH 26.23 50.59
    manila PH 14.60 120.98
    mumbai IN 19.08 72.88
    muscat OM 23.59 58.41
    osaka JP 34.69 135.50
    phnom-penh KH 11.56 104.92
    riyadh SA 24.71 46.68
    sapporo JP 43.06 141.35
    seoul KR 37.57 126.98
    shanghai CN 31.23 121.47
    shenzhen CN 22.54 114.06
    singapore SG 1.35 103.82
    taipei TW 25.03 121.57
    tashkent UZ 41.30 69.24
    tbilisi GE 41.72 44.79
    tel-aviv IL 32.09 34.78
    tokyo JP 35.68 139.69
    ulaanbaatar MN 47.89 106.91
    yangon MM 16.87 96.20
    yerevan AM 40.18 44.51`,
  europe: `
    amsterdam NL 52.37 4.90
    athens GR 37.98 23.73
    barcelona ES 41.39 2.17
    belgrade RS 44.79 20.45
    berlin DE 52.52 13.41
    bratislava SK 48.15 17.11
    brussels BE 50.85 4.35
    bucharest RO 44.43 26.10
    budapest HU 47.50 19.04
    chisinau MD 47.01 28.86
    copenhagen DK 55.68 12.57
    dublin IE 53.35 -6.26
    dusseldorf DE 51.23 6.78
    edinburgh GB 55.95 -3.19
    frankfurt DE 50.11 8.68
    geneva CH 46.20 6.14
    gothenburg SE 57.71 11.97
    hamburg DE 53.55 9.99
    helsinki FI 60.17 24.94
    istanbul TR 41.01 28.98
    kyiv UA 50.45 30.52
    lisbon PT 38.72 -9.14
    ljubljana SI 46.06 14.51
    london GB 51.51 -0.13
    luxembourg LU 49.61 6.13
    lyon FR 45.76 4.84
    madrid ES 40.42 -3.70
    manchester GB 53.48 -2.24
    marseille FR 43.30 5.37
    milan IT 45.46 9.19
    moscow RU 55.76 37.62
    munich DE 48.14 11.58
    nicosia CY 35.17 33.36
    oslo NO 59.91 10.75
    palermo IT 38.12 13.36
    paris FR 48.86 2.35
    prague CZ 50.08 14.44
    reykjavik IS 64.15 -21.94
    riga LV 56.95 24.11
    rome IT 41.90 12.50
    saint-petersburg RU 59.93 30.34
    sofia BG 42.70 23.32
    stockholm SE 59.33 18.07
    tallinn EE 59.44 24.75
    thessaloniki GR 40.64 22.94
    valletta MT 35.90 14.51
    vienna AT 48.21 16.37
    vilnius LT 54.69 25.28
    warsaw PL 52.23 21.01
    zagreb HR 45.81 15.98
    zurich CH 47.38 8.54`,
  'north-america': `
    ashburn US 39.04 -77.49
    atlanta US 33.75 -84.39
    boston US 42.36 -71.06
    calgary CA 51.05 -114.07
    chicago US 41.88 -87.63
    dallas US 32.78 -96.80
    denver US 39.74 -104.99
    detroit US 42.33 -83.05
    guadalajara MX 20.66 -103.35
    guatemala-city GT 14.63 -90.51
    halifax CA 44.65 -63.58
    honolulu US 21.31 -157.86
    houston US 29.76 -95.37
    kansas-city US 39.10 -94.58
    kingston JM 17.97 -76.79
    las-vegas US 36.17 -115.14
    los-angeles US 34.05 -118.24
    mexico-city MX 19.43 -99.13
    miami US 25.76 -80.19
    minneapolis US 44.98 -93.27
    montreal CA 45.50 -73.57
    new-york US 40.71 -74.01
    panama-city PA 8.98 -79.52
    philadelphia US 39.95 -75.17
    phoenix US 33.45 -112.07
    portland US 45.52 -122.68
    queretaro MX 20.59 -100.39
    salt-lake-city US 40.76 -111.89
    san-jose US 37.34 -121.89
    san-juan PR 18.47 -66.11
    santo-domingo DO 18.49 -69.93
    seattle US 47.61 -122.33
    tampa US 27.95 -82.46
    toronto CA 43.65 -79.38
    vancouver CA 49.28 -123.12
    winnipeg CA 49.90 -97.14`,
  oceania: `
    adelaide AU -34.93 138.60
    auckland NZ -36.85 174.76
    brisbane AU -27.47 153.03
    canberra AU -35.28 149.13
    christchurch NZ -43.53 172.64
    melbourne AU -37.81 144.96
    noumea NC -22.27 166.44
    perth AU -31.95 115.86
    port-moresby PG -9.44 147.18
    suva FJ -18.12 178.45
    sydney AU -33.87 151.21
    wellington NZ -41.29 174.78`,
  'south-america': `
    asuncion PY -25.26 -57.58
    belem BR -1.46 -48.49
    bogota CO 4.71 -74.07
    brasilia BR -15.79 -47.88
    buenos-aires AR -34.60 -58.38
    caracas VE 10.48 -66.90
    cordoba AR -31.42 -64.18
    curitiba BR -25.43 -49.27
    fortaleza BR -3.73 -38.53
    georgetown GY 6.80 -58.16
    guayaquil EC -2.17 -79.92
    la-paz BO -16.49 -68.12
    lima PE -12.05 -77.04
    manaus BR -3.12 -60.02
    medellin CO 6.25 -75.56
    montevideo UY -34.90 -56.16
    porto-alegre BR -30.03 -51.22
    quito EC -0.18 -78.47
    recife BR -8.05 -34.88
    rio-de-janeiro BR -22.91 -43.17
    salvador BR -12.97 -38.50
    santiago CL -33.45 -70.67
    sao-paulo BR -23.55 -46.63`
}

/** In a fixed order: a world's seed draws places in this list, so adding a city changes what a seed means. */
export const cities: readonly City[] = Object.entries(byContinent).flatMap(([continent, lines]) =>
  lines.trim().split('\n').map((line) => {
    const [name = '', country = '', latitude, longitude] = line.trim().split(' ')
    return { name, country, continent: continent as Continent, latitude: Number(latitude), longitude: Number(longitude) }
  }))
