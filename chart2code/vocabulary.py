"""Words of the synthetic charts: what titles, axis labels, categories and series are composed of.

A domain has topics and measures (with their units), from which title phrases and axis labels are composed, and
dimensions, each a list of short names that serve as categories or as series.
"""

ADJECTIVES = (
    "Annual", "Average", "Monthly", "Weekly", "Daily", "Total", "Global", "National", "Regional", "Local", "Urban",
    "Rural", "Net", "Gross", "Median", "Recent", "Projected", "Relative", "Early", "Peak",
)  # fmt: skip

# Dimensions that fit any domain.
COMMON_DIMENSIONS = {
    "Region": ("North", "South", "East", "West", "Central", "Coast", "Islands", "Valley"),
    "Country": ("Brazil", "Canada", "China", "Egypt", "France", "India", "Italy", "Japan", "Kenya", "Mexico", "Spain"),
    "City": ("Berlin", "Cairo", "Delhi", "Lagos", "Lima", "London", "Madrid", "Oslo", "Paris", "Rome", "Tokyo"),
    "Continent": ("Africa", "America", "Asia", "Europe", "Oceania"),
    "Team": ("Team A", "Team B", "Team C", "Team D", "Team E", "Team F"),
    "Group": ("Alpha", "Beta", "Gamma", "Delta", "Sigma", "Omega"),
}

# Ordered names, for the horizontal axis of lines, bars and areas: always a run of neighbours.
TIME_DIMENSIONS = {
    "Month": ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"),
    "Day": ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"),
    "Quarter": ("Q1", "Q2", "Q3", "Q4"),
}

# Numeric horizontal axes: name -> (first value, last value, possible steps).
NUMERIC_DIMENSIONS = {
    "Year": (1990, 2024, (1, 1, 1, 2, 5)),
    "Week": (1, 12, (1,)),
    "Hour": (0, 24, (1, 2, 3)),
    "Age": (10, 80, (5, 10)),
    "Epoch": (1, 20, (1, 2)),
    "Distance": (0, 100, (5, 10)),
    "Step": (0, 500, (10, 50)),
}

# domain -> topics, measures (name -> unit) and dimensions.
DOMAINS = {
    "energy": {
        "topics": ("Power", "Electricity", "Grid", "Fuel", "Battery", "Heating"),
        "measures": {
            "Output": "GWh", "Capacity": "GW", "Demand": "MW", "Price": "$", "Losses": "%", "Storage": "MWh",
        },
        "dimensions": {
            "Source": ("Solar", "Wind", "Hydro", "Coal", "Gas", "Nuclear", "Biomass", "Oil"),
            "Sector": ("Homes", "Industry", "Transport", "Services", "Farms"),
        },
    },
    "sales": {
        "topics": ("Sales", "Store", "Online", "Retail", "Export", "Product"),
        "measures": {
            "Revenue": "$M", "Orders": "k", "Profit": "$k", "Returns": "%", "Margin": "%", "Units": "k",
        },
        "dimensions": {
            "Product": ("Phones", "Laptops", "Tablets", "Cameras", "Printers", "Watches", "Monitors"),
            "Channel": ("Web", "Store", "Mobile", "Partner", "Phone"),
        },
    },
    "farming": {
        "topics": ("Crop", "Farm", "Harvest", "Grain", "Orchard", "Irrigation"),
        "measures": {
            "Yield": "t/ha", "Area": "ha", "Production": "kt", "Rainfall": "mm", "Price": "$/t", "Waste": "%",
        },
        "dimensions": {
            "Crop": ("Wheat", "Rice", "Maize", "Barley", "Oats", "Soy", "Cotton", "Sugar"),
            "Fruit": ("Apples", "Pears", "Grapes", "Bananas", "Oranges", "Mangoes", "Cherries"),
        },
    },
    "weather": {
        "topics": ("Weather", "Climate", "Coastal", "Mountain", "Summer", "Winter"),
        "measures": {
            "Temperature": "°C", "Rainfall": "mm", "Humidity": "%", "Pressure": "hPa", "Sunshine": "h", "Snow": "cm",
        },
        "dimensions": {
            "Season": ("Spring", "Summer", "Autumn", "Winter"),
            "Station": ("Harbor", "Airport", "Summit", "Lake", "Forest", "Desert"),
        },
    },
    "health": {
        "topics": ("Patient", "Hospital", "Clinic", "Vaccine", "Recovery", "Surgery"),
        "measures": {
            "Cases": "k", "Visits": "k", "Waiting Time": "min", "Dose": "mg", "Response": "%", "Heart Rate": "bpm",
        },
        "dimensions": {
            "Ward": ("Cardiac", "Eye", "Dental", "Trauma", "Infant", "Skin"),
            "Treatment": ("Placebo", "Drug A", "Drug B", "Therapy", "Control"),
        },
    },
    "education": {
        "topics": ("Student", "School", "Exam", "Course", "College", "Library"),
        "measures": {
            "Score": "points", "Attendance": "%", "Enrolment": "k", "Spending": "$k", "Grade": "", "Study Time": "h",
        },
        "dimensions": {
            "Subject": ("Math", "Physics", "Biology", "History", "Art", "Music", "English", "Sport"),
            "Class": ("Class A", "Class B", "Class C", "Class D", "Class E"),
        },
    },
    "traffic": {
        "topics": ("Traffic", "Road", "Transit", "Commuter", "Freight", "Airport"),
        "measures": {
            "Volume": "k", "Speed": "km/h", "Delay": "min", "Passengers": "M", "Distance": "km", "Accidents": "",
        },
        "dimensions": {
            "Mode": ("Bus", "Train", "Tram", "Car", "Bike", "Ferry", "Walk", "Plane"),
            "Line": ("Red", "Blue", "Green", "Orange", "Airport"),
        },
    },
    "computing": {
        "topics": ("Server", "Network", "Model", "Cloud", "Website", "Database"),
        "measures": {
            "Latency": "ms", "Throughput": "MB/s", "Accuracy": "%", "Loss": "", "Memory": "GB", "Requests": "k",
        },
        "dimensions": {
            "Model": ("Base", "Small", "Large", "Tiny", "Ours", "Expert"),
            "Language": ("Python", "Java", "Rust", "Go", "Swift", "Ruby", "Julia"),
        },
    },
    "finance": {
        "topics": ("Budget", "Stock", "Bank", "Loan", "Market", "Pension"),
        "measures": {
            "Return": "%", "Income": "$k", "Costs": "$M", "Debt": "$B", "Growth": "%", "Assets": "$M",
        },
        "dimensions": {
            "Asset": ("Bonds", "Shares", "Cash", "Gold", "Funds", "Property"),
            "Unit": ("Sales", "Support", "Research", "Legal", "Design", "Finance", "Media"),
        },
    },
    "nature": {
        "topics": ("Forest", "Wildlife", "River", "Ocean", "Bird", "Garden"),
        "measures": {
            "Count": "", "Height": "m", "Weight": "kg", "Depth": "m", "Density": "1/ha", "Cover": "%",
        },
        "dimensions": {
            "Species": ("Oak", "Pine", "Birch", "Maple", "Cedar", "Willow", "Ash"),
            "Animal": ("Deer", "Fox", "Wolf", "Hare", "Otter", "Owl", "Bear"),
        },
    },
    "people": {
        "topics": ("Population", "Household", "Worker", "Housing", "Leisure", "Tourism"),
        "measures": {
            "Size": "k", "Wage": "$/h", "Rent": "$", "Share": "%", "Spending": "$", "Arrivals": "M",
        },
        "dimensions": {
            "Activity": ("Sleep", "Work", "Family", "Reading", "Games", "Meals", "Travel"),
            "Status": ("Single", "Married", "Retired", "Student", "Other"),
        },
    },
    "industry": {
        "topics": ("Factory", "Steel", "Plant", "Supply", "Quality", "Machine"),
        "measures": {
            "Output": "t", "Defects": "%", "Downtime": "h", "Emissions": "kt", "Energy Use": "kWh", "Load": "kN",
        },
        "dimensions": {
            "Material": ("Steel", "Copper", "Zinc", "Nickel", "Glass", "Wood", "Paper"),
            "Shift": ("Morning", "Day", "Evening", "Night"),
        },
    },
}  # fmt: skip

# Names for a bar series and a line series that share one chart.
PAIRS = (
    ("Actual", "Target"), ("Sales", "Trend"), ("Current", "Average"), ("Plan", "Result"), ("Supply", "Demand"),
    ("Observed", "Expected"), ("Budget", "Spent"), ("Income", "Costs"),
)  # fmt: skip
